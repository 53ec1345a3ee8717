#include "model/methods/clip/frozen.h"

#include <c10/core/impl/LocalDispatchKeySet.h>

#include <variant>

#include "model/methods/similarity.h"

namespace tagalign::model {
namespace {

class FrozenScorer final : public DenseScorer {
 public:
  FrozenScorer(const Materials& materials, const at::Tensor& text, const ScoreOptions& options,
               const Refinement* refinement)
      : vision_(*materials.vision),
        attention_(materials.attention),
        text_(normalize_features(text)),
        options_(options),
        refinement_(refinement) {
    TA_CHECK(text_.dim() == 2 && text_.size(1) == vision_.shape().embed_dim, "text [N, E]");
  }

  std::int64_t channels() const override { return text_.size(0); }

  std::vector<ScoreMap> maps(const at::Tensor& windows,
                             std::span<const ScoreVariant> variants) const override {
    const at::Tensor patches = vision_.encode_patches(windows, attention_);
    const at::Tensor features = vision_.projection().forward(patches);  // [B, hw, E]
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const at::Tensor map =
        refined(refinement_, windows,
                class_scores(features, patch_grid(vision_, windows), text_, options_));
    return std::vector<ScoreMap>(variants.size(), {map, {}});
  }

 private:
  const VisionTower& vision_;
  VisionAttention attention_;
  at::Tensor text_;  // [N, E] normalised
  ScoreOptions options_;
  const Refinement* refinement_;
};

class FrozenModel final : public DenseModel {
 public:
  FrozenModel(const Materials& materials, const config::ClipEvaluation& config)
      : materials_(materials), config_(config) {}

  ClassText embed_classes(const std::vector<std::string>& classes,
                          const std::vector<std::string>& templates, int threads) const override {
    return {embed_by_clip(materials_, classes, templates, threads)};
  }
  std::unique_ptr<DenseScorer> scorer(const ClassText& text,
                                      const ScorerTask& task) const override {
    return std::make_unique<FrozenScorer>(materials_, text.rows, score_options(config_.scores),
                                          task.refinement);
  }
  bool mixes() const override { return false; }
  std::vector<MethodSetting> settings(double, const std::string&) const override {
    return score_settings(config_.scores, {{"attention", attention_name(materials_.attention)},
                                           {"clip_weight", "1"}});
  }
  std::string missing_reference(double) const override { return ""; }
  const Parameters& parameters() const override { return none_; }

 private:
  Materials materials_;
  config::ClipEvaluation config_;
  Parameters none_;
};

}  // namespace

Result<std::unique_ptr<DenseModel>> frozen_model(const Materials& materials, const StateDict&,
                                                 const config::EvaluationMethod& config) {
  return std::unique_ptr<DenseModel>(
      std::make_unique<FrozenModel>(materials, std::get<config::ClipEvaluation>(config)));
}

}  // namespace tagalign::model
