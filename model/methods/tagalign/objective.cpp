#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <utility>
#include <variant>

#include "base/status.h"
#include "model/methods/similarity.h"
#include "model/methods/tagalign/reference_names.h"
#include "model/methods/tagalign/tagalign.h"

namespace tagalign::model {
namespace {

class TagAlignObjective final : public TrainingObjective {
 public:
  TagAlignObjective(const Materials& materials, TagAlignParts parts)
      : materials_(materials),
        parts_(std::move(parts)),
        contrastive_scale_(new_log_scale(materials.device)),
        multitag_scale_(new_log_scale(materials.device)),
        attribute_scale_(new_log_scale(materials.device)) {
    for (const auto& parameter : parts_.projector->parameters()) {
      parameters_.push_back({parameter.name, parameter.tensor.set_requires_grad(true)});
    }
    parameters_.push_back({"cl_loss.logit_scale", contrastive_scale_});
    parameters_.push_back({"ce_loss.logit_scale", multitag_scale_});
    if (parts_.attributes) parameters_.push_back({kAttributeScale, attribute_scale_});
  }

  const Parameters& parameters() const override { return parameters_; }
  std::int64_t context() const override { return materials_.text->shape().context; }
  bool reads_text_features() const override { return true; }

  Loss loss(const TrainingBatch& batch, const LossRanks& ranks) override {
    const at::Tensor image = image_features(batch.images);
    const at::Tensor text = caption_features(materials_, batch);
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const auto contrastive = infonce_loss(image, text, contrastive_scale_, ranks);
    const auto multitag = multitag_loss(image, parts_.label_embedding, batch.tags, multitag_scale_);
    Loss loss{.total = contrastive * parts_.infonce_weight + multitag * parts_.multitag_weight,
              .parts = {{"infonce", contrastive.detach()}, {"multitag", multitag.detach()}}};
    if (parts_.attributes) add_attributes(image, batch.attributes, loss);
    return loss;
  }

 private:
  void add_attributes(const at::Tensor& image, const at::Tensor& attributes, Loss& loss) const {
    TA_CHECK(attributes.defined(), "a batch with attributes");
    const auto multitag =
        multitag_loss(image, parts_.attributes->label_embedding, attributes, attribute_scale_);
    loss.total = loss.total + multitag * parts_.attributes->weight;
    loss.parts.emplace_back("attributes", multitag.detach());
  }

  /// Mean over patches of the projected features: [B, E].
  at::Tensor image_features(const at::Tensor& images) {
    const std::int64_t cells = images.size(2) / materials_.vision->shape().patch_size;
    at::Tensor patches;  // [B, cells², D]
    {
      const at::NoGradGuard frozen;
      patches = materials_.vision->encode_patches(images, materials_.attention)
                    .to(at::kFloat)
                    .contiguous();
    }
    return parts_.projector->forward(patches, {cells, cells}).to(at::kFloat).mean(1);
  }

  Materials materials_;
  TagAlignParts parts_;
  at::Tensor contrastive_scale_;  // []
  at::Tensor multitag_scale_;     // []
  at::Tensor attribute_scale_;    // [], trained with attributes alone
  Parameters parameters_;
};

}  // namespace

std::unique_ptr<TrainingObjective> make_tagalign_objective(const Materials& materials,
                                                           TagAlignParts parts) {
  return std::make_unique<TagAlignObjective>(materials, std::move(parts));
}

ProjectorShape tagalign_projector_shape(const config::ProjectorConfig& config, std::int64_t width) {
  const bool gdecoder = config.kind == config::ProjectorKind::kGDecoder;
  return {.kind = gdecoder ? ProjectorKind::kGDecoder : ProjectorKind::kTransformer,
          .layers = config::projector_layers(config),
          .width = width};
}

Result<std::unique_ptr<TrainingObjective>> tagalign_objective(const config::TrainConfig& config,
                                                              const Materials& materials,
                                                              const TagNames& tags) {
  const auto& method = std::get<config::TagAlignTraining>(config.method);
  const auto shape =
      tagalign_projector_shape(method.projector, materials.vision->shape().vision_width);
  auto projector = make_projector(shape, materials.vision->projection(), config.runtime.seed);
  projector->to(materials.device);
  const at::NoGradGuard frozen;
  TagAlignParts parts{.projector = std::move(projector),
                      .infonce_weight = method.infonce_weight,
                      .multitag_weight = method.multitag_weight};
  TA_ASSIGN_OR_RETURN(parts.label_embedding,
                      embed_labels(materials, tags.objects, method.tag_templates));
  const config::AttributeLossConfig& second = method.attributes;
  if (second.weight > 0) {
    TA_ASSIGN_OR_RETURN(auto rows, embed_labels(materials, tags.attributes, second.templates));
    parts.attributes = {.label_embedding = std::move(rows), .weight = second.weight};
  }
  return make_tagalign_objective(materials, std::move(parts));
}

}  // namespace tagalign::model
