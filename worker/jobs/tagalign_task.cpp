#include "worker/jobs/tagalign_task.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <utility>
#include <vector>

#include "model/losses.h"
#include "worker/jobs/caption_tokens.h"
#include "worker/jobs/gather_autograd.h"
#include "worker/jobs/precision.h"

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
  TagAlignTask(Rank& rank, const config::TrainConfig& config, TagAlignParts parts)
      : rank_(rank),
        config_(config),
        parts_(std::move(parts)),
        contrastive_scale_(new_logit_scale(rank.device)),
        multitag_scale_(new_logit_scale(rank.device)) {
    for (const auto& parameter : parts_.projector->parameters()) {
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
        multi_hot(batch.tags, static_cast<std::size_t>(parts_.label_embedding.size(0)))
            .to(rank_.device);
    const auto multitag =
        model::multitag_loss(image, parts_.label_embedding, tags, multitag_scale_);
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
    const std::int64_t cells = side / parts_.clip.vision.shape().patch_size;
    at::Tensor patches;  // [B, cells², D]
    {
      const at::NoGradGuard frozen;
      const AutocastScope autocast(config_.runtime.precision, rank_.device);
      patches = parts_.clip.vision.encode(images, parts_.attention)
                    .narrow(1, 1, cells * cells)
                    .to(at::kFloat)
                    .contiguous();
    }
    const AutocastScope autocast(config_.runtime.precision, rank_.device);
    return parts_.projector->forward(patches, {cells, cells}).to(at::kFloat).mean(1);
  }

  at::Tensor caption_features(const std::vector<std::string>& captions) {
    const at::NoGradGuard frozen;
    const AutocastScope autocast(config_.runtime.precision, rank_.device);
    const auto tokens =
        caption_tokens(parts_.tokenizer, captions, parts_.clip.text.shape().context, rank_.device);
    return parts_.clip.text.encode(tokens).to(at::kFloat);  // [B, E]
  }

  Rank& rank_;
  const config::TrainConfig& config_;
  TagAlignParts parts_;
  at::Tensor contrastive_scale_;  // []
  at::Tensor multitag_scale_;     // []
  model::Parameters parameters_;
};

}  // namespace

std::unique_ptr<TrainingTask> make_tagalign_task(Rank& rank, const config::TrainConfig& config,
                                                 TagAlignParts parts) {
  return std::make_unique<TagAlignTask>(rank, config, std::move(parts));
}

}  // namespace tagalign::jobs
