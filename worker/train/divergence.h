/// Steps that must not be learned from: a loss or gradient that is not finite, or a loss that leaps.
///
/// Threads  that of the training loop.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "data/datasets/caption_dataset.h"
#include "data/training/training_loader.h"
#include "model/training/state_dict.h"
#include "worker/train/trainer.h"

namespace tagalign::jobs {

/// The loss of all ranks: the newest, and its running mean over some hundred steps. They travel in
/// the checkpoint: a resumed run sees the same spikes, and `checkpoints show` how far the run was.
class LossMean {
 public:
  void add(double loss);
  /// Never before the mean stands on enough steps.
  bool is_spike(double loss, double factor) const;
  double value() const { return mean_; }

  std::map<std::string, double> scalars() const;
  /// What is absent is as at the start.
  void restore(const std::map<std::string, double>& scalars);

 private:
  double last_ = 0;
  double mean_ = 0;
  double steps_ = 0;
};

/// A loss as an integer that ranks can add up, whatever its sign and in any order: 24 bits behind the
/// point, as far as 63 bits reach.
std::uint64_t to_fixed_point(double value);
double from_fixed_point(std::uint64_t sum);

/// "loss part 'contrastive' is nan", "the gradient of 'head.weight' is not finite", by the order of
/// the parts and parameters; empty when all are finite.
std::string first_not_finite(const TrainingTask::Loss& loss, const model::Parameters& parameters);

/// "samples 1024 to 1151 (epoch 2), of which this rank had a.jpg, b.jpg and 30 more".
std::string batch_identity(const data::TrainingBatch& batch, const data::CaptionDataset& dataset,
                           std::uint64_t first_sample, int global_batch);

}  // namespace tagalign::jobs
