#include "worker/train/train_job.h"

#include <memory>
#include <optional>
#include <utility>

#include "model/clip/tokenizer.h"
#include "model/clip/towers.h"
#include "model/methods/method.h"
#include "worker/features/caption_features.h"
#include "worker/identity/config_identity.h"
#include "worker/labels/shared_labels.h"
#include "worker/train/objective_task.h"
#include "worker/train/trainer.h"
#include "worker/weights/frozen_clip.h"
#include "worker/weights/model_choices.h"

namespace tagalign::jobs {
namespace {

TrainerOptions trainer_options(const config::TrainConfig& config, const ConfigIdentity& identity,
                               const std::string& model_digest) {
  return {.label = "train",
          .runtime = config.runtime,
          .data = config.data,
          .augment = config.augment,
          .optimizer = config.optimizer,
          .checkpoint = config.checkpoint,
          .global_batch = config.global_batch,
          .steps = config.steps,
          .identity = identity,
          .model_digest = model_digest};
}

Path cache_folder(const config::TrainConfig& config) {
  return Path(config.checkpoint.directory) / "cache";
}

/// nullptr where nothing is to be kept. Borrows all.
std::unique_ptr<CaptionFeatures> kept_features(Rank& rank, const config::TrainConfig& config,
                                               const std::optional<FrozenClip>& clip,
                                               const model::Tokenizer& tokenizer) {
  if (!clip || config.caption_features.keep == config::CaptionKeeping::kOff) return nullptr;
  return std::make_unique<CaptionFeatures>(
      rank, CaptionSource{clip->text, tokenizer, clip->digest, config.runtime.precision},
      config.caption_features, cache_folder(config));
}

}  // namespace

Result<JobEnd> run_train(Rank& rank, const config::TrainConfig& config) {
  TA_ASSIGN_OR_RETURN(
      const auto dataset,
      open_caption_dataset(rank, config.data, config::learns_attributes(config.method)));
  TA_ASSIGN_OR_RETURN(const auto tokenizer,
                      model::Tokenizer::load(rank.files, model::default_vocabulary()));
  TA_ASSIGN_OR_RETURN(const auto* method, model::find_method(config::method_name(config.method)));
  model::Materials materials{.tokenizer = &tokenizer,
                             .attention = vision_attention(config.clip.attention),
                             .device = rank.device,
                             .files = &rank.files};
  std::optional<FrozenClip> clip;
  if (method->needs_clip) {
    TA_ASSIGN_OR_RETURN(clip, load_clip(rank, config.clip.weights));
    TA_RETURN_IF_ERROR(freeze_clip(rank, config.runtime.precision, *clip));
    materials.vision = &clip->vision;
    materials.text = &clip->text;
  }
  SharedLabels labels(rank, cache_folder(config), clip ? clip->digest : "");
  materials.labels = &labels;
  TA_ASSIGN_OR_RETURN(
      auto objective,
      method->objective(config, materials, {dataset.tag_names(), dataset.attribute_names()}));
  const auto features = kept_features(rank, config, clip, tokenizer);
  const auto task = make_objective_task(rank, config,
                                        {.tokenizer = tokenizer,
                                         .tags = dataset.tag_names().size(),
                                         .attributes = dataset.attribute_names().size(),
                                         .features = features.get()},
                                        std::move(objective));
  TA_ASSIGN_OR_RETURN(const ConfigIdentity identity, config_identity(config));
  return run_training(rank, *task, dataset,
                      trainer_options(config, identity, clip ? clip->digest : ""));
}

}  // namespace tagalign::jobs
