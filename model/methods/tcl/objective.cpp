#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/sigmoid.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <utility>
#include <variant>

#include "base/format.h"
#include "model/methods/similarity.h"
#include "model/methods/tcl/losses.h"
#include "model/methods/tcl/tcl.h"

namespace tagalign::model {
namespace {

class TclObjective final : public TrainingObjective {
 public:
  TclObjective(const Materials& materials, TclParts parts)
      : materials_(materials),
        parts_(std::move(parts)),
        image_scale_(new_log_scale(materials.device)),
        feature_scale_(new_log_scale(materials.device)) {
    const config::TclTraining& config = parts_.config;
    late_.first_step = config.blocks_from_step;
    late_.averaged = config.block_gradients == config::TclBlockGradients::kAveraged ||
                     config.blocks_from_step == 0;
    for (const Parameter& parameter : parts_.masker->parameters()) {
      parameters_.push_back({parameter.name, parameter.tensor.set_requires_grad(true)});
      if (!parts_.masker->is_copied_block(parameter.name)) continue;
      blocks_.push_back(parameter.tensor);
      late_.names.insert(parameter.name);
    }
    parameters_.push_back({"tcli_loss.logit_scale", image_scale_});
    parameters_.push_back({"tclf_loss.logit_scale", feature_scale_});
  }

  const Parameters& parameters() const override { return parameters_; }
  std::int64_t context() const override { return materials_.text->shape().context; }
  bool reads_text_features() const override { return true; }
  LateParameters late() const override { return late_; }

  Loss loss(const TrainingBatch& batch, const LossRanks& ranks) override {
    for (at::Tensor& block : blocks_) block.set_requires_grad(batch.step >= late_.first_step);
    const at::Tensor text = caption_features(materials_, batch);
    const at::Tensor map = image_map(batch.images);
    TclLosses losses;
    {
      const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
      const at::Tensor all_text = ranks.world == 1 ? text : ranks.gather(text);
      const at::Tensor logits = parts_.masker->logits(Masker::similarity(map, all_text));
      losses = tcl_losses({.map = map,
                           .masks = at::sigmoid(logits),  // [B, N, H', W']
                           .sampled = sampled(batch, own_masks(logits, map.size(0) * ranks.rank)),
                           .images = batch.images,
                           .text = text,
                           .all_text = all_text,
                           .feature_scale = feature_scale_,
                           .image_scale = image_scale_,
                           .encode =
                               [this](const at::Tensor& masked) {
                                 return materials_.vision->encode_pooled(masked);
                               }},
                          parts_.config, ranks);
    }
    return {.total = losses.total(),
            .parts = {{"area", losses.area.detach()},
                      {"other_area", losses.other_area.detach()},
                      {"feature", losses.feature.detach()},
                      {"image", losses.image.detach()},
                      {"map_variation", losses.map_variation.detach()},
                      {"mask_variation", losses.mask_variation.detach()}}};
  }

 private:
  /// Image embedding: [B, E, H', W'].
  at::Tensor image_map(const at::Tensor& images) const {
    at::Tensor tokens;  // [B, L, D]
    {
      const at::NoGradGuard frozen;
      tokens = parts_.masker->frozen_tokens(*materials_.vision, images);
    }
    return parts_.masker->embed(tokens, patch_grid(*materials_.vision, images)).to(at::kFloat);
  }

  /// From the logits of the images' own masks: [B, 1, H', W'].
  at::Tensor sampled(const TrainingBatch& batch, const at::Tensor& logits) const {
    const at::Tensor noise = parts_.noise({.step = batch.step,
                                           .first_image = batch.first_image,
                                           .images = logits.size(0),
                                           .height = logits.size(2),
                                           .width = logits.size(3)});
    return gumbel_masks(logits, noise.to(logits.device()), parts_.config.temperature);
  }

  Materials materials_;
  TclParts parts_;
  at::Tensor image_scale_;    // []
  at::Tensor feature_scale_;  // []
  std::vector<at::Tensor> blocks_;
  LateParameters late_;
  Parameters parameters_;
};

}  // namespace

std::unique_ptr<TrainingObjective> make_tcl_objective(const Materials& materials, TclParts parts) {
  return std::make_unique<TclObjective>(materials, std::move(parts));
}

Result<std::unique_ptr<TrainingObjective>> tcl_objective(const config::TrainConfig& config,
                                                         const Materials& materials,
                                                         const TagNames&) {
  const auto& method = std::get<config::TclTraining>(config.method);
  const ClipShape& clip = materials.vision->shape();
  if (method.copied_blocks > clip.vision_layers) {
    return invalid_argument(
        format("method.copied_blocks: expected at most the {} blocks of the CLIP weights, found {}",
               clip.vision_layers, method.copied_blocks));
  }
  auto masker = std::make_unique<Masker>(
      MaskerShape{.layers = method.decoder.layers,
                  .double_convolutions = method.decoder.double_convolutions,
                  .first_block = clip.vision_layers - method.copied_blocks,
                  .width = clip.vision_width,
                  .embedding = clip.embed_dim},
      *materials.vision, config.runtime.seed);
  masker->to(materials.device);
  return make_tcl_objective(
      materials,
      {.masker = std::move(masker), .config = method, .noise = philox_noise(config.runtime.seed)});
}

}  // namespace tagalign::model
