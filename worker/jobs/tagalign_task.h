/// The training objective of TagAlign on one rank: frozen CLIP → projector → both losses
/// (reference §2, §3).
///
/// Axes: B images of the rank's share, T tags, E joint embedding.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "configs/schema/job_configs.h"
#include "model/clip/tokenizer.h"
#include "model/clip/towers.h"
#include "model/projector.h"
#include "worker/jobs/frozen_clip.h"
#include "worker/jobs/rank.h"
#include "worker/jobs/trainer.h"

namespace tagalign::jobs {

/// What a task is made of. The projector becomes the task's own; the rest is borrowed and outlives
/// it.
struct TagAlignParts {
  const FrozenClip& clip;
  const model::Tokenizer& tokenizer;
  std::unique_ptr<model::Projector> projector;
  at::Tensor label_embedding;  // [T, E]
  model::VisionAttention attention = model::VisionAttention::kSurgery;
};

/// Trains the projector and two logit scales ("cl_loss.logit_scale", "ce_loss.logit_scale") that
/// start at ln(1/0.07). Of `config` it reads data.image_size, runtime.precision and the weights of
/// the losses. Borrows `rank` and `config`.
std::unique_ptr<TrainingTask> make_tagalign_task(Rank& rank, const config::TrainConfig& config,
                                                 TagAlignParts parts);

}  // namespace tagalign::jobs
