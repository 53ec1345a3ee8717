/// tagalign-worker prepare: draws the embedded data set.
#pragma once

#include "configs/schema/job_configs.h"
#include "worker/jobs/rank.h"

namespace tagalign::jobs {

/// The first rank works, the others wait. Does nothing when the same data set is already complete.
Result<JobEnd> run_prepare(Rank& rank, const config::PrepareConfig& config);

}  // namespace tagalign::jobs
