#include "worker/train/pretrain_job.h"

#include <ATen/Functions.h>

#include "base/format.h"
#include "base/log.h"
#include "model/clip/tokenizer.h"
#include "model/clip/towers.h"
#include "model/training/losses.h"
#include "worker/gradients/gather_autograd.h"
#include "worker/identity/config_identity.h"
#include "worker/rank/precision.h"
#include "worker/train/caption_tokens.h"
#include "worker/train/trainer.h"
#include "worker/weights/weights.h"

namespace tagalign::jobs {
namespace {

constexpr std::int64_t kContext = 77;
constexpr std::int64_t kVocabulary = 49408;
constexpr std::int64_t kHeadWidth = 64;

model::ClipShape clip_shape(const config::PretrainConfig& config) {
  return {.vision_width = config.vision_width,
          .vision_layers = config.vision_layers,
          .vision_heads = config.vision_width / kHeadWidth,
          .patch_size = config.patch_size,
          .grid = config.data.image_size / config.patch_size,
          .text_width = config.text_width,
          .text_layers = config.text_layers,
          .text_heads = config.text_width / kHeadWidth,
          .context = kContext,
          .vocabulary = kVocabulary,
          .embed_dim = config.embed_dim};
}

class ContrastiveTask final : public TrainingTask {
 public:
  ContrastiveTask(Rank& rank, const config::PretrainConfig& config, model::VisionTower vision,
                  model::TextTower text, at::Tensor logit_scale, const model::Tokenizer& tokenizer)
      : rank_(rank),
        config_(config),
        vision_(std::move(vision)),
        text_(std::move(text)),
        logit_scale_(std::move(logit_scale)),
        tokenizer_(tokenizer) {
    for (auto group : {vision_.parameters(), text_.parameters()}) {
      for (auto& parameter : group)
        parameters_.push_back({parameter.name, parameter.tensor.set_requires_grad(true)});
    }
    parameters_.push_back({"logit_scale", logit_scale_.set_requires_grad(true)});
  }

  const model::Parameters& parameters() const override { return parameters_; }

  Loss loss(const data::TrainingBatch& batch, collectives::CollectiveGroup& group) override {
    const std::int64_t side = config_.data.image_size;
    const auto images = at::from_blob(const_cast<float*>(batch.images.data()),
                                      {batch.size, 3, side, side}, at::kFloat)
                            .to(rank_.device);
    const auto tokens = caption_tokens(tokenizer_, batch.captions, kContext, rank_.device);
    at::Tensor image;  // [B, E]
    at::Tensor text;   // [B, E]
    {
      const AutocastScope autocast(config_.runtime.precision, rank_.device);
      image = vision_.encode_pooled(images);
      text = text_.encode(tokens);
    }
    const model::LossRanks ranks{
        .rank = group.rank(), .world = group.size(), .gather = [&group](const at::Tensor& rows) {
          return gather_with_gradient(rows, group);
        }};
    return {.total =
                model::infonce_loss(image.to(at::kFloat), text.to(at::kFloat), logit_scale_, ranks),
            .parts = {}};
  }

  model::StateDict weights() const {
    model::StateDict tensors;
    for (const auto& parameter : parameters_)
      tensors[parameter.name] = parameter.tensor.detach().to(at::kCPU);
    return tensors;
  }

 private:
  Rank& rank_;
  const config::PretrainConfig& config_;
  model::VisionTower vision_;
  model::TextTower text_;
  at::Tensor logit_scale_;  // []
  const model::Tokenizer& tokenizer_;
  model::Parameters parameters_;
};

Status check_shape(const config::PretrainConfig& config) {
  if (config.data.image_size % config.patch_size != 0) {
    return invalid_argument(
        format("pretrain: data.image_size {} is not a multiple of patch_size {}",
               config.data.image_size, config.patch_size));
  }
  if (config.vision_width % kHeadWidth != 0 || config.text_width % kHeadWidth != 0) {
    return invalid_argument(
        format("pretrain: vision_width {} and text_width {} must be multiples of {}",
               config.vision_width, config.text_width, kHeadWidth));
  }
  return ok_status();
}

}  // namespace

Result<JobEnd> run_pretrain(Rank& rank, const config::PretrainConfig& config) {
  TA_RETURN_IF_ERROR(check_shape(config));
  TA_ASSIGN_OR_RETURN(const auto dataset, open_caption_dataset(rank, config.data, false));
  TA_ASSIGN_OR_RETURN(const auto tokenizer,
                      model::Tokenizer::load(rank.files, model::default_vocabulary()));
  const auto initial = model::initial_clip_weights(clip_shape(config), config.runtime.seed);
  TA_ASSIGN_OR_RETURN(auto vision, model::VisionTower::create(initial));
  TA_ASSIGN_OR_RETURN(auto text, model::TextTower::create(initial));
  vision.to(rank.device);
  text.to(rank.device);
  ContrastiveTask task(rank, config, std::move(vision), std::move(text),
                       initial.at("logit_scale").to(rank.device), tokenizer);
  TA_ASSIGN_OR_RETURN(const ConfigIdentity identity, config_identity(config));
  const TrainerOptions options{.label = "pretrain",
                               .runtime = config.runtime,
                               .data = config.data,
                               .augment = config.augment,
                               .optimizer = config.optimizer,
                               .checkpoint = config.checkpoint,
                               .global_batch = config.global_batch,
                               .steps = config.steps,
                               .identity = identity,
                               .model_digest = ""};
  TA_ASSIGN_OR_RETURN(const JobEnd end, run_training(rank, task, dataset, options));
  if (end != JobEnd::kFinished) return end;
  TA_RETURN_IF_ERROR(rank.first_decides([&] {
    return save_weights(rank.files, config.output, task.weights(), {{"format", "clip"}});
  }));
  if (rank.is_first()) log_info("pretrain: weights written to {}", config.output);
  return end;
}

}  // namespace tagalign::jobs
