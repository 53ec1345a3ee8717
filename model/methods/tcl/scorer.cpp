#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>
#include <numeric>
#include <utility>
#include <variant>

#include "base/format.h"
#include "model/methods/similarity.h"
#include "model/methods/tcl/tcl.h"

namespace tagalign::model {
namespace {

constexpr std::int64_t kSideMultiple = 16;

/// Zeros that bring a side to the multiple, the smaller half first.
std::pair<std::int64_t, std::int64_t> pad_side(std::int64_t side, std::int64_t multiple) {
  const std::int64_t missing = (multiple - side % multiple) % multiple;
  return {missing / 2, missing - missing / 2};
}

at::Tensor resized(const at::Tensor& planes, const at::Tensor& like, bool align_corners) {
  return at::upsample_bilinear2d(planes, {like.size(2), like.size(3)}, align_corners);
}

class TclScorer final : public DenseScorer {
 public:
  TclScorer(const Materials& materials, std::shared_ptr<const Masker> masker,
            const at::Tensor& text, const config::TclEvaluation& config,
            const Refinement* refinement)
      : vision_(*materials.vision),
        masker_(std::move(masker)),
        text_(normalize_features(text)),
        frozen_{.rule = ScoreRule::kSigmoid,
                .scale = config.frozen_scale,
                .bias = -config.frozen_scale * config.frozen_threshold},
        refinement_(refinement) {
    TA_CHECK(text_.dim() == 2 && text_.size(1) == vision_.shape().embed_dim, "text [N, E]");
  }

  std::int64_t channels() const override { return text_.size(0); }

  std::vector<ScoreMap> maps(const at::Tensor& windows,
                             std::span<const ScoreVariant> variants) const override {
    Padding padding;
    const at::Tensor padded = pad(windows, padding);
    const Grid grid = patch_grid(vision_, padded);
    const auto [dense, tokens] = encode(padded);
    const bool any_frozen =
        std::ranges::any_of(variants, [](const auto& v) { return v.mix > 0.0; });
    at::Tensor features;  // [B, hw, E], undefined where no mix asks for it
    if (any_frozen) features = vision_.projection().forward(dense.slice(1, 1));
    const at::Tensor map = masker_->embed(tokens, grid);  // [B, E, H', W']
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const at::Tensor masks = soft_masks(map.to(at::kFloat), padded);
    at::Tensor frozen;
    if (any_frozen)
      frozen =
          resized(class_scores(features, grid, text_, frozen_), masks, /*align_corners=*/false);
    std::vector<ScoreMap> maps;
    for (const ScoreVariant& variant : variants) {
      maps.push_back({mixed(masks, frozen, variant.mix), padding});
    }
    return maps;
  }

 private:
  at::Tensor pad(const at::Tensor& windows, Padding& padding) const {
    const std::int64_t multiple = std::lcm(kSideMultiple, vision_.shape().patch_size);
    std::tie(padding.top, padding.bottom) = pad_side(windows.size(2), multiple);
    std::tie(padding.left, padding.right) = pad_side(windows.size(3), multiple);
    return at::constant_pad_nd(windows, {padding.left, padding.right, padding.top, padding.bottom},
                               0);
  }

  /// {the frozen tower's output, what the masker reads}, each [B, L, D].
  std::pair<at::Tensor, at::Tensor> encode(const at::Tensor& windows) const {
    const std::int64_t last_frozen = masker_->shape().first_block - 1;
    at::Tensor tokens;
    const at::Tensor dense =
        vision_.encode(windows, VisionAttention::kMaskClip,
                       [&](std::int64_t block, const at::Tensor& x, const at::Tensor&) {
                         if (block == last_frozen) tokens = x;
                       });
    return {dense, tokens};
  }

  /// Refined by the window in the masks' size: [B, N, H', W'].
  at::Tensor soft_masks(const at::Tensor& map, const at::Tensor& windows) const {
    const at::Tensor masks = at::sigmoid(masker_->logits(Masker::similarity(map, text_)));
    if (refinement_ == nullptr) return masks;
    return refinement_->refine(resized(windows, masks, /*align_corners=*/true), masks);
  }

  static at::Tensor mixed(const at::Tensor& masks, const at::Tensor& frozen, double mix) {
    if (mix <= 0.0) return masks;
    return mix >= 1.0 ? frozen : masks * (1.0 - mix) + frozen * mix;
  }

  const VisionTower& vision_;
  std::shared_ptr<const Masker> masker_;
  at::Tensor text_;  // [N, E] normalised
  ScoreOptions frozen_;
  const Refinement* refinement_;
};

class TclModel final : public DenseModel {
 public:
  TclModel(const Materials& materials, std::shared_ptr<const Masker> masker,
           const config::TclEvaluation& config)
      : materials_(materials), masker_(std::move(masker)), config_(config) {}

  ClassText embed_classes(const std::vector<std::string>& classes,
                          const std::vector<std::string>& templates, int threads) const override {
    return {embed_by_clip(materials_, classes, templates, threads)};
  }
  std::unique_ptr<DenseScorer> scorer(const ClassText& text,
                                      const ScorerTask& task) const override {
    return std::make_unique<TclScorer>(materials_, masker_, text.rows, config_, task.refinement);
  }
  bool mixes() const override { return true; }
  std::vector<MethodSetting> settings(double mix, const std::string&) const override {
    return {{"clip_weight", format("{}", mix)},
            {"frozen_scale", format("{}", config_.frozen_scale), false},
            {"frozen_threshold", format("{}", config_.frozen_threshold), false}};
  }
  std::string missing_reference(double) const override { return ""; }
  const Parameters& parameters() const override { return masker_->parameters(); }

 private:
  Materials materials_;
  std::shared_ptr<const Masker> masker_;
  config::TclEvaluation config_;
};

Status check_clip(const MaskerShape& found, const ClipShape& clip) {
  if (found.width == clip.vision_width && found.embedding == clip.embed_dim) return ok_status();
  return invalid_argument(
      format("its masker maps width {} to {}, the CLIP weights have {} and {}; set clip.weights to "
             "the CLIP that it was trained on",
             found.width, found.embedding, clip.vision_width, clip.embed_dim));
}

}  // namespace

std::unique_ptr<DenseModel> make_tcl_model(const Materials& materials,
                                           std::shared_ptr<const Masker> masker,
                                           const config::TclEvaluation& config) {
  return std::make_unique<TclModel>(materials, std::move(masker), config);
}

Result<std::unique_ptr<DenseModel>> tcl_model(const Materials& materials, const StateDict& trained,
                                              const config::EvaluationMethod& config) {
  const ClipShape& clip = materials.vision->shape();
  TA_ASSIGN_OR_RETURN(const MaskerShape shape, masker_shape_of(trained, clip.vision_layers));
  TA_RETURN_IF_ERROR(check_clip(shape, clip));
  auto masker = std::make_shared<Masker>(shape, *materials.vision, 0);
  TA_RETURN_IF_ERROR(load_masker(*masker, trained));
  masker->to(materials.device);
  return make_tcl_model(materials, std::move(masker), std::get<config::TclEvaluation>(config));
}

}  // namespace tagalign::model
