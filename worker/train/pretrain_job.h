/// tagalign-worker pretrain: a CLIP of any size, contrastively, from nothing (Radford
/// et al. 2021, §2).
///
/// It stands in for OpenAI's weights where they cannot be had, and writes the same layout.
#pragma once

#include "configs/schema/jobs/job_configs.h"
#include "worker/rank/rank.h"

namespace tagalign::jobs {

/// Collective. Writes config.output (safetensors, OpenAI's names, fp32) after the last step.
Result<JobEnd> run_pretrain(Rank& rank, const config::PretrainConfig& config);

}  // namespace tagalign::jobs
