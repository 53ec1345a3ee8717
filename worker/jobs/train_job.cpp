#include "worker/jobs/train_job.h"

#include <ATen/core/grad_mode.h>

#include <memory>

#include "base/log.h"
#include "model/clip/tokenizer.h"
#include "model/clip/towers.h"
#include "model/projector.h"
#include "model/segmentation.h"
#include "worker/jobs/config_digest.h"
#include "worker/jobs/frozen_clip.h"
#include "worker/jobs/model_choices.h"
#include "worker/jobs/tagalign_task.h"
#include "worker/jobs/trainer.h"

namespace tagalign::jobs {
namespace {

TrainerOptions trainer_options(const config::TrainConfig& config, const std::string& config_digest,
                               const std::string& model_digest) {
  return {.label = "train",
          .runtime = config.runtime,
          .data = config.data,
          .augment = config.augment,
          .optimizer = config.optimizer,
          .checkpoint = config.checkpoint,
          .global_batch = config.global_batch,
          .steps = config.steps,
          .config_digest = config_digest,
          .model_digest = model_digest};
}

}  // namespace

Result<JobEnd> run_train(Rank& rank, const config::TrainConfig& config) {
  TA_ASSIGN_OR_RETURN(const auto dataset, open_caption_dataset(rank, config.data));
  TA_ASSIGN_OR_RETURN(const auto clip, load_clip(rank, config.clip.weights));
  TA_ASSIGN_OR_RETURN(const auto tokenizer,
                      model::Tokenizer::load(rank.files, model::default_vocabulary()));
  const auto shape = projector_shape(config.projector, clip.vision.shape().vision_width);
  auto projector = model::make_projector(shape, clip.vision.projection(), config.runtime.seed);
  projector->to(rank.device);
  at::Tensor label_embedding;
  {
    const at::NoGradGuard frozen;
    label_embedding =
        model::class_embeddings(clip.text, tokenizer, dataset.tag_names(), config.tag_templates);
  }
  const auto task = make_tagalign_task(rank, config,
                                       {.clip = clip,
                                        .tokenizer = tokenizer,
                                        .projector = std::move(projector),
                                        .label_embedding = std::move(label_embedding),
                                        .attention = vision_attention(config.clip.attention)});
  TA_ASSIGN_OR_RETURN(const std::string digest, config_digest(config));
  return run_training(rank, *task, dataset, trainer_options(config, digest, clip.digest));
}

}  // namespace tagalign::jobs
