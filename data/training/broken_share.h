/// When too many images are broken for a training to go on.
#pragma once

#include <cstdint>

#include "base/status.h"

namespace tagalign::data {

/// Judges an epoch by its first limits::kBrokenWindow samples, or by all when it has fewer, over all
/// ranks: every rank adds the same numbers and comes to the same verdict. A run that resumes within
/// them begins to count there, and so is judged more mildly.
class BrokenShare {
 public:
  /// `share_max`: 0 … 1; 1 lets everything pass.
  BrokenShare(std::uint64_t epoch_samples, double share_max);

  /// Sample numbers as in data/training/training_loader.h.
  struct Step {
    std::uint64_t first_sample = 0;
    std::uint64_t samples = 0;   ///< the global batch
    std::uint64_t replaced = 0;  ///< TrainingBatch::replaced, summed over the ranks
  };
  /// kInvalidArgument as soon as more than the share, rounded up, had to be replaced.
  Status add(const Step& step);

 private:
  std::uint64_t epoch_samples_;
  double share_max_;
  std::uint64_t epoch_ = 0;  ///< that of the last step's first sample
  std::uint64_t judged_ = 0;
  std::uint64_t replaced_ = 0;
};

/// Whether an epoch is judged by this sample.
bool is_judged(std::uint64_t sample, std::uint64_t epoch_samples);

}  // namespace tagalign::data
