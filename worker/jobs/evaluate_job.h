/// tagalign-worker evaluate: label maps for whole data sets, counted in integers (reference §4).
#pragma once

#include "configs/schema/job_configs.h"
#include "worker/jobs/rank.h"

namespace tagalign::jobs {

/// Collective. Images are dealt to the ranks in turn; counts are added, so they are equal for any
/// number of ranks. One result a data set is written to config.output (result_file.h) and reported
/// by the first rank; a result that is already there under its content key is reported again and
/// not computed.
Result<JobEnd> run_evaluate(Rank& rank, const config::EvaluateConfig& config);

}  // namespace tagalign::jobs
