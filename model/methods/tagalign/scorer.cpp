#include <ATen/TensorOperators.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "base/format.h"
#include "model/methods/similarity.h"
#include "model/methods/tagalign/reference_names.h"
#include "model/methods/tagalign/tagalign.h"

namespace tagalign::model {
namespace {

class TagAlignScorer final : public DenseScorer {
 public:
  TagAlignScorer(const Materials& materials, std::shared_ptr<const Projector> projector,
                 const at::Tensor& text, const ScoreOptions& options, const Refinement* refinement)
      : vision_(*materials.vision),
        attention_(materials.attention),
        projector_(std::move(projector)),
        text_(normalize_features(text)),
        options_(options),
        refinement_(refinement) {
    TA_CHECK(text_.dim() == 2 && text_.size(1) == vision_.shape().embed_dim, "text [N, E]");
  }

  std::int64_t channels() const override { return text_.size(0); }

  std::vector<ScoreMap> maps(const at::Tensor& windows,
                             std::span<const ScoreVariant> variants) const override {
    const Grid grid = patch_grid(vision_, windows);
    const at::Tensor patches = vision_.encode_patches(windows, attention_);
    at::Tensor frozen, trained;  // [B, hw, E], undefined where no mix asks for it
    if (std::ranges::any_of(variants, [](const auto& v) { return v.mix > 0.0; }))
      frozen = vision_.projection().forward(patches);
    if (std::ranges::any_of(variants, [](const auto& v) { return v.mix < 1.0; }))
      trained = projector_->forward(patches, grid);
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    if (frozen.defined()) frozen = class_scores(frozen, grid, text_, options_);
    if (trained.defined()) trained = class_scores(trained, grid, text_, options_);
    std::vector<ScoreMap> maps;
    for (const ScoreVariant& variant : variants) {
      maps.push_back({refined(refinement_, windows, mixed(trained, frozen, variant.mix)), {}});
    }
    return maps;
  }

 private:
  const VisionTower& vision_;
  VisionAttention attention_;
  std::shared_ptr<const Projector> projector_;
  at::Tensor text_;  // [N, E] normalised
  static at::Tensor mixed(const at::Tensor& trained, const at::Tensor& frozen, double mix) {
    if (mix <= 0.0) return trained;
    return mix >= 1.0 ? frozen : trained * (1.0 - mix) + frozen * mix;
  }

  ScoreOptions options_;
  const Refinement* refinement_;
};

class TagAlignModel final : public DenseModel {
 public:
  TagAlignModel(const Materials& materials, std::shared_ptr<const Projector> projector,
                const config::TagAlignEvaluation& config)
      : materials_(materials), projector_(std::move(projector)), config_(config) {}

  ClassText embed_classes(const std::vector<std::string>& classes,
                          const std::vector<std::string>& templates, int threads) const override {
    return {embed_by_clip(materials_, classes, templates, threads)};
  }
  std::unique_ptr<DenseScorer> scorer(const ClassText& text,
                                      const ScorerTask& task) const override {
    return std::make_unique<TagAlignScorer>(materials_, projector_, text.rows,
                                            score_options(config_.scores), task.refinement);
  }
  bool mixes() const override { return true; }
  std::vector<MethodSetting> settings(double mix, const std::string&) const override {
    return score_settings(config_.scores, {{"attention", attention_name(materials_.attention)},
                                           {"clip_weight", format("{}", mix)}});
  }
  std::string missing_reference(double mix) const override {
    if (config_.scores.protocol != config::Protocol::kV3 || mix <= 0.0 ||
        projector_->shape().kind != ProjectorKind::kTransformer)
      return "";
    return "the reference's protocol v3 fails for the Transformer projector with clip_weight above "
           "0";
  }
  const Parameters& parameters() const override { return projector_->parameters(); }

 private:
  Materials materials_;
  std::shared_ptr<const Projector> projector_;
  config::TagAlignEvaluation config_;
};

}  // namespace

std::unique_ptr<DenseModel> make_tagalign_model(const Materials& materials,
                                                std::shared_ptr<const Projector> projector,
                                                const config::TagAlignEvaluation& config) {
  return std::make_unique<TagAlignModel>(materials, std::move(projector), config);
}

Result<std::unique_ptr<DenseModel>> tagalign_model(const Materials& materials,
                                                   const StateDict& trained,
                                                   const config::EvaluationMethod& config) {
  TA_ASSIGN_OR_RETURN(const auto shape, projector_shape_of(trained));
  const std::int64_t width = materials.vision->shape().vision_width;
  if (shape.width != width) {
    return invalid_argument(
        format("its projector has width {}, the CLIP weights have {}", shape.width, width));
  }
  StateDict weights;
  for (const auto& [name, tensor] : trained) {
    if (name.starts_with("projector.")) weights[name] = tensor;
  }
  auto projector = make_projector(shape, materials.vision->projection(), 0);
  TA_RETURN_IF_ERROR(load_projector(*projector, weights));
  projector->to(materials.device);
  return make_tagalign_model(materials, std::move(projector),
                             std::get<config::TagAlignEvaluation>(config));
}

}  // namespace tagalign::model
