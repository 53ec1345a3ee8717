#include "model/methods/clip/frozen.h"

#include <c10/core/impl/LocalDispatchKeySet.h>

#include "model/methods/similarity.h"

namespace tagalign::model {
namespace {

class FrozenScorer final : public DenseScorer {
 public:
  FrozenScorer(const Materials& materials, const at::Tensor& text, const ScoreOptions& options)
      : vision_(materials.vision),
        attention_(materials.attention),
        text_(normalize_features(text)),
        options_(options) {
    TA_CHECK(text_.dim() == 2 && text_.size(1) == vision_.shape().embed_dim, "text [N, E]");
  }

  std::int64_t classes() const override { return text_.size(0); }

  std::vector<at::Tensor> maps(const at::Tensor& windows,
                               std::span<const double> mixes) const override {
    const at::Tensor patches = vision_.encode(windows, attention_).slice(1, 1);
    const at::Tensor features = vision_.projection().forward(patches);  // [B, hw, E]
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const at::Tensor map = class_scores(features, patch_grid(vision_, windows), text_, options_);
    return std::vector<at::Tensor>(mixes.size(), map);
  }

 private:
  const VisionTower& vision_;
  VisionAttention attention_;
  at::Tensor text_;  // [N, E] normalised
  ScoreOptions options_;
};

class FrozenModel final : public DenseModel {
 public:
  explicit FrozenModel(const Materials& materials) : materials_(materials) {}

  std::unique_ptr<DenseScorer> scorer(const at::Tensor& text,
                                      const ScoreOptions& options) const override {
    return std::make_unique<FrozenScorer>(materials_, text, options);
  }
  bool mixes() const override { return false; }
  std::vector<MethodSetting> settings(double) const override {
    return {{"attention", attention_name(materials_.attention)}, {"clip_weight", "1"}};
  }
  std::string missing_reference(std::string_view, double) const override { return ""; }
  const Parameters& parameters() const override { return none_; }

 private:
  Materials materials_;
  Parameters none_;
};

}  // namespace

Result<std::unique_ptr<DenseModel>> frozen_model(const Materials& materials, const StateDict&) {
  return std::unique_ptr<DenseModel>(std::make_unique<FrozenModel>(materials));
}

}  // namespace tagalign::model
