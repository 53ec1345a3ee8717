/// Waiting for jobs, with a line on each change.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinator/cli/host/host.h"
#include "coordinator/cli/talk/patience.h"

namespace tagalign::cli {

/// Jobs that are added while others are followed, as checkpoints add them.
struct Newcomers {
  std::optional<WorkflowId> workflow;  ///< only its own; else all
  JobId after;                         ///< the highest number that is there already
};

struct FollowOptions {
  std::vector<JobId> jobs;
  std::optional<Newcomers> newcomers;  ///< followed too
  std::optional<std::int64_t> timeout_ms;
  std::optional<int> agents;  ///< no more of them come: what they cannot hold is not waited for
};

/// Asks for those that have not ended until all have. Changes are said on host.err: a line each,
/// and on a terminal one line that is drawn again for what runs. 0, or 1 when a job did
/// not succeed; 93 when none of those that are left can ever start. kTimeout after `timeout_ms`. A coordinator that goes away is asked again
/// for kAwayMsMax, then kUnavailable.
Result<int> follow_jobs(Context& context, Connection& connection, const FollowOptions& options);

inline constexpr std::int64_t kFollowPollMs = 200;
/// Between two lines about the steps of one job.
inline constexpr std::int64_t kStepLineMs = 5'000;

/// "tagalign   running    attempt 2  step 40/120  train: loss 3.21".
std::string progress_line(const wire::JobSummary& job);

}  // namespace tagalign::cli
