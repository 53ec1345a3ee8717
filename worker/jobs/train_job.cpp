#include "worker/jobs/train_job.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <memory>

#include "base/log.h"
#include "model/clip/tokenizer.h"
#include "model/clip/towers.h"
#include "model/losses.h"
#include "model/projector.h"
#include "model/segmentation.h"
#include "worker/jobs/caption_tokens.h"
#include "worker/jobs/config_digest.h"
#include "worker/jobs/frozen_clip.h"
#include "worker/jobs/gather_autograd.h"
#include "worker/jobs/precision.h"
#include "worker/jobs/trainer.h"

namespace tagalign::jobs {
namespace {

constexpr double kInitialTemperature = 0.07;

at::Tensor new_logit_scale(at::Device device) {
  return at::full({}, std::log(1.0 / kInitialTemperature),
                  at::TensorOptions(at::kFloat).device(device))
      .set_requires_grad(true);
}

/// Multi-hot rows from tag indices.
at::Tensor multi_hot(const std::vector<std::vector<std::int32_t>>& tags, std::size_t count) {
  auto rows = at::zeros({static_cast<std::int64_t>(tags.size()), static_cast<std::int64_t>(count)},
                        at::kFloat);
  auto* values = rows.data_ptr<float>();
  for (std::size_t b = 0; b < tags.size(); ++b) {
    for (const auto tag : tags[b]) values[b * count + static_cast<std::size_t>(tag)] = 1.0f;
  }
  return rows;
}

class TagAlignTask final : public TrainingTask {
 public:
  TagAlignTask(Rank& rank, const config::TrainConfig& config, const FrozenClip& clip,
               const model::Tokenizer& tokenizer, std::unique_ptr<model::Projector> projector,
               at::Tensor label_embedding, model::VisionAttention attention)
      : rank_(rank),
        config_(config),
        clip_(clip),
        tokenizer_(tokenizer),
        projector_(std::move(projector)),
        label_embedding_(std::move(label_embedding)),
        attention_(attention),
        contrastive_scale_(new_logit_scale(rank.device)),
        multitag_scale_(new_logit_scale(rank.device)) {
    for (const auto& parameter : projector_->parameters()) {
      parameters_.push_back({parameter.name, parameter.tensor.set_requires_grad(true)});
    }
    parameters_.push_back({"cl_loss.logit_scale", contrastive_scale_});
    parameters_.push_back({"ce_loss.logit_scale", multitag_scale_});
  }

  const model::Parameters& parameters() const override { return parameters_; }

  Loss loss(const data::TrainingBatch& batch) override {
    const auto image = image_features(batch);
    const auto text = caption_features(batch.captions);
    const model::LossRanks ranks{.rank = rank_.group.rank(),
                                 .world = rank_.group.size(),
                                 .gather = [this](const at::Tensor& rows) {
                                   return gather_with_gradient(rows, rank_.group);
                                 }};
    const auto contrastive = model::infonce_loss(image, text, contrastive_scale_, ranks);
    const auto tags =
        multi_hot(batch.tags, static_cast<std::size_t>(label_embedding_.size(0))).to(rank_.device);
    const auto multitag = model::multitag_loss(image, label_embedding_, tags, multitag_scale_);
    return {.total = contrastive * config_.infonce_weight + multitag * config_.multitag_weight,
            .parts = {{"infonce", contrastive.detach()}, {"multitag", multitag.detach()}}};
  }

 private:
  /// Mean over patches of the projected features: [B, E].
  at::Tensor image_features(const data::TrainingBatch& batch) {
    const std::int64_t side = config_.data.image_size;
    const auto images = at::from_blob(const_cast<float*>(batch.images.data()),
                                      {batch.size, 3, side, side}, at::kFloat)
                            .to(rank_.device);  // [B, 3, side, side]
    const std::int64_t cells = side / clip_.vision.shape().patch_size;
    at::Tensor patches;  // [B, cells², D]
    {
      const at::NoGradGuard frozen;
      const AutocastScope autocast(config_.runtime.precision, rank_.device);
      patches = clip_.vision.encode(images, attention_)
                    .narrow(1, 1, cells * cells)
                    .to(at::kFloat)
                    .contiguous();
    }
    const AutocastScope autocast(config_.runtime.precision, rank_.device);
    return projector_->forward(patches, {cells, cells}).to(at::kFloat).mean(1);
  }

  at::Tensor caption_features(const std::vector<std::string>& captions) {
    const at::NoGradGuard frozen;
    const AutocastScope autocast(config_.runtime.precision, rank_.device);
    const auto tokens =
        caption_tokens(tokenizer_, captions, clip_.text.shape().context, rank_.device);
    return clip_.text.encode(tokens).to(at::kFloat);  // [B, E]
  }

  Rank& rank_;
  const config::TrainConfig& config_;
  const FrozenClip& clip_;
  const model::Tokenizer& tokenizer_;
  std::unique_ptr<model::Projector> projector_;
  at::Tensor label_embedding_;  // [T, E]
  model::VisionAttention attention_;
  at::Tensor contrastive_scale_;  // []
  at::Tensor multitag_scale_;     // []
  model::Parameters parameters_;
};

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
  TA_ASSIGN_OR_RETURN(const auto attention,
                      model::vision_attention_from_name(config.clip.attention));
  TA_ASSIGN_OR_RETURN(const auto kind, model::projector_kind_from_name(config.projector.kind));
  const int reference_layers = kind == model::ProjectorKind::kGDecoder ? 2 : 1;
  const model::ProjectorShape shape{
      .kind = kind,
      .layers = config.projector.layers == 0 ? reference_layers : config.projector.layers,
      .width = clip.vision.shape().vision_width};
  auto projector = model::make_projector(shape, clip.vision.projection(), config.runtime.seed);
  projector->to(rank.device);
  at::Tensor label_embedding;
  {
    const at::NoGradGuard frozen;
    label_embedding =
        model::class_embeddings(clip.text, tokenizer, dataset.tag_names(), config.tag_templates);
  }
  TagAlignTask task(rank, config, clip, tokenizer, std::move(projector), std::move(label_embedding),
                    attention);
  TA_ASSIGN_OR_RETURN(const std::string digest, config_digest(config));
  return run_training(rank, task, dataset, trainer_options(config, digest, clip.digest));
}

}  // namespace tagalign::jobs
