/// What a training run says while it runs: the step that it has reached, its losses, how fast it
/// is, and the images that it could not read.
///
/// Threads  that of the training loop; step_done() is collective.
/// Failure  only that of the collectives inside.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "worker/rank/rank.h"
#include "worker/train/trainer.h"

namespace tagalign::jobs {

class TrainingProgress {
 public:
  /// Borrows both. The rate counts from here: the attempt begins at `first_step`.
  TrainingProgress(Rank& rank, const TrainerOptions& options, std::uint64_t first_step);

  /// Of this rank's batch.
  void add_notices(const std::vector<std::string>& notices);

  /// After `step` steps. The step counts at once; losses are averaged over the ranks, and notices
  /// gathered, only as often as they are logged.
  Status step_done(std::uint64_t step, const TrainingTask::Loss& loss, double gradient_norm);

 private:
  Status gather_notices();
  Status average_losses(const TrainingTask::Loss& loss, double gradient_norm);
  double images_per_second(std::uint64_t step) const;

  Rank& rank_;
  const TrainerOptions& options_;
  const std::uint64_t first_step_;
  const MonotonicMs started_ms_;
  std::string losses_text_;           ///< as of the last log line
  std::vector<std::string> notices_;  ///< of this rank, not yet gathered
  std::set<std::string> said_;        ///< by the first rank
};

}  // namespace tagalign::jobs
