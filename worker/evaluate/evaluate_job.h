/// tagalign-worker evaluate: label maps for whole data sets, counted in integers.
/// Rules and metrics: TERMS.md, reference §4.
#pragma once

#include "configs/schema/jobs/job_configs.h"
#include "worker/evaluate/predictor_shelf.h"
#include "worker/rank/rank.h"

namespace tagalign::jobs {

/// Collective. Images are dealt to the ranks in turn and to their threads, and each operation of
/// Torch runs on one thread from then on (torch_threads.h): the integers are equal for any number
/// of ranks and threads and any batch. One result a data set (of a sweep: a combination, with the integers of a run of
/// its own) is written to config.output (result_file.h) and reported by the first rank; results
/// that are already there under their content keys are reported again and not computed. What has no
/// counterpart in the reference is said in a notice and in the result's protocol.
Result<JobEnd> run_evaluate(Rank& rank, const config::EvaluateConfig& config);
/// The same with the weights of the process's last evaluation, where they are the same.
Result<JobEnd> run_evaluate(Rank& rank, const config::EvaluateConfig& config,
                            PredictorShelf& shelf);

}  // namespace tagalign::jobs
