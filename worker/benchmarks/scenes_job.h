/// tagalign-worker scenes: draws the embedded data set.
#pragma once

#include "configs/schema/jobs/job_configs.h"
#include "worker/rank/rank.h"

namespace tagalign::jobs {

/// The first rank works, the others wait. Does nothing when the same data set is already complete.
Result<JobEnd> run_scenes(Rank& rank, const config::ScenesConfig& config);

}  // namespace tagalign::jobs
