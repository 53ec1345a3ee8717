/// How long a job has to run, as its history shows it. Work is time that all ranks ran, without saves;
/// a checkpoint banks the work up to it, and an attempt goes on from the newest.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/core/state.h"

namespace tagalign::replay {

/// A job of any run of a history: numbers of jobs depend on what was decided, names do not.
struct JobKey {
  WorkflowId workflow;
  std::string name;
  auto operator<=>(const JobKey&) const = default;
};

struct Commit {
  std::uint64_t step = 0;
  std::int64_t work_ms = 0;  ///< done when it is taken
};

/// By the job's own doing, in one of its attempts.
struct Failure {
  wire::Outcome outcome = wire::Outcome::kFailed;
  int exit_code = 0;
  bool ran = false;           ///< else it came before all ranks ran
  std::int64_t after_ms = 0;  ///< they ran, or it was placed
  std::uint64_t last_step = 0;
  std::string message;
};

struct Work {
  std::int64_t start_ms = 0;             ///< from the placement until all ranks run
  std::optional<std::int64_t> total_ms;  ///< nullopt: it never got to its end
  std::int64_t reached_ms = 0;           ///< the most that was done
  std::int64_t save_ms = 0;              ///< what a commit takes
  std::vector<Commit> commits;           ///< ascending, scheduled ones alone
  std::map<Attempt, Failure> failures;
  wire::Pace pace;
};

/// From a job of the state that a whole history gives; `end_ms`: when that ends.
Work work_of(const core::Job& job, UnixMs end_ms);

/// Straight between commits, and beyond the last as before it. 0 without commits.
std::uint64_t step_at(const Work& work, std::int64_t done_ms);
std::int64_t work_at(const Work& work, std::uint64_t step);
/// With a commit at every so many-th step instead, and the last as it was.
Work with_commits_every(const Work& work, std::uint64_t steps);

}  // namespace tagalign::replay
