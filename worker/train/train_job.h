/// tagalign-worker train: TagAlign's projector on a frozen CLIP (TERMS.md, reference §2, §3).
#pragma once

#include "configs/schema/jobs/job_configs.h"
#include "worker/rank/rank.h"

namespace tagalign::jobs {

/// Collective. Attributes are read where the method learns them. Checkpoints hold "projector.*", "cl_loss.logit_scale",
/// "ce_loss.logit_scale" and the optimiser.
Result<JobEnd> run_train(Rank& rank, const config::TrainConfig& config);

}  // namespace tagalign::jobs
