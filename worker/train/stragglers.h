/// Ranks that are slower than the others, found by the time that each needs for itself: in training
/// all steps last equally long, because who is fast waits in the collectives for who is slow.
///
/// Threads  that of the training loop; step_done() is collective.
/// Failure  only that of the collective inside.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "worker/rank/rank.h"

namespace tagalign::jobs {

/// Where a rank's time of some steps went.
struct StepSplit {
  std::int64_t loader_ms = 0;      ///< waiting for the next batch
  std::int64_t compute_ms = 0;     ///< all the rest
  std::int64_t collective_ms = 0;  ///< inside collectives, waiting included
  std::string host;

  std::int64_t own_ms() const { return loader_ms + compute_ms; }
};

/// So many steps are compared at a time.
inline constexpr std::uint64_t kStragglerSteps = 50;

/// The ranks that need more than half as much again as the median, and 20 ms a step more: each
/// as a sentence with its numbers, by rank. `splits` are of `steps` steps, by rank. Pure.
std::vector<std::pair<int, std::string>> slow_ranks(const std::vector<StepSplit>& splits,
                                                    std::uint64_t steps);

class StragglerWatch {
 public:
  /// Borrows both.
  StragglerWatch(Rank& rank, Clock& clock);

  void step_begins();
  void batch_is_there();
  /// Every kStragglerSteps steps the ranks compare; the first one says who is slow, once for each
  /// rank until it has caught up.
  Status step_done();

 private:
  Status compare();
  void say(const std::vector<StepSplit>& splits);

  Rank& rank_;
  Clock& clock_;
  StepSplit split_;
  std::uint64_t steps_ = 0;
  MonotonicMs begun_ms_ = 0;
  std::int64_t collective_before_ms_ = 0;
  std::set<int> said_;
};

}  // namespace tagalign::jobs
