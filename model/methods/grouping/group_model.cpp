#include "model/methods/grouping/group_model.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/format.h"

namespace tagalign::model {
namespace {

constexpr double kScaleMax = 100.0;
constexpr double kNormMin = 1e-12;

class GroupScorer final : public DenseScorer {
 public:
  GroupScorer(std::shared_ptr<const GroupModelParts> parts, const at::Tensor& text, bool background)
      : parts_(std::move(parts)), text_(text), background_(background) {
    TA_CHECK(text_.dim() == 2 && text_.size(1) == parts_->tower.projection.embedding(),
             "text [N, E]");
  }

  std::int64_t channels() const override { return text_.size(0) + (background_ ? 1 : 0); }
  BackgroundRule background() const override { return BackgroundRule::kInWindow; }
  LabelRule label_rule() const override { return LabelRule::kSoftmax; }

  std::vector<ScoreMap> maps(const at::Tensor& windows,
                             std::span<const ScoreVariant> variants) const override {
    const GroupTower& tower = parts_->tower;
    const GroupedImage image = tower.encoder.encode(windows);
    const at::Tensor groups = tower.projection.forward(image.features);         // [B, G, E]
    const at::Tensor means = tower.projection.forward(image.features.mean(1));  // [B, E]
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    const at::Tensor owners =
        group_maps(image, image.softs.size() - 1, windows.size(2), windows.size(3))
            .argmax(1);                                            // [B, H, W]
    std::vector<std::vector<at::Tensor>> scores(variants.size());  // [variant][window]
    for (std::int64_t b = 0; b < windows.size(0); ++b) {
      const at::Tensor affinity = group_affinity(groups[b].to(at::kFloat), means[b].to(at::kFloat),
                                                 text_, tower.logit_scale, parts_->kept_classes);
      for (std::size_t i = 0; i < variants.size(); ++i)
        scores[i].push_back(window_scores(affinity, owners[b], variants[i]));
    }
    std::vector<ScoreMap> maps;
    for (const auto& each : scores) maps.push_back({at::stack(each, 0), {}});
    return maps;
  }

  /// The group of every pixel, a map a grouping block.
  std::vector<NamedLabels> label_maps(const at::Tensor& image) const override {
    const GroupedImage grouped = parts_->tower.encoder.encode(image.unsqueeze(0));
    const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
    std::vector<NamedLabels> maps;
    for (std::size_t stage = 0; stage < grouped.softs.size(); ++stage) {
      maps.push_back({format("stage{}", stage),
                      group_maps(grouped, stage, image.size(1), image.size(2)).argmax(1)[0]});
    }
    return maps;
  }

 private:
  /// affinity [G, N], owners [H, W] → [C, H, W]
  at::Tensor window_scores(const at::Tensor& affinity, const at::Tensor& owners,
                           const ScoreVariant& variant) const {
    const at::Tensor foreground =
        affinity.t().index_select(1, owners.flatten()).unflatten(1, owners.sizes());  // [N, H, W]
    if (!background_) return foreground;
    TA_CHECK(variant.threshold.has_value(), "a threshold of the background");
    // Groups without a pixel count: the strongest group is never background.
    const auto limit =
        std::min(static_cast<float>(*variant.threshold), affinity.max().item<float>());
    const at::Tensor below = foreground.amax(0, /*keepdim=*/true) < limit;  // [1, H, W]
    return at::cat({below.to(foreground.scalar_type()), foreground}, 0);
  }

  std::shared_ptr<const GroupModelParts> parts_;
  at::Tensor text_;  // [N, E] normalised
  bool background_;
};

class GroupModel final : public DenseModel {
 public:
  explicit GroupModel(GroupModelParts parts)
      : parts_(std::make_shared<const GroupModelParts>(std::move(parts))) {}

  ClassText embed_classes(const std::vector<std::string>& classes,
                          const std::vector<std::string>& templates, int threads) const override {
    return {unit_rows(class_embeddings(parts_->encode_prompts, classes, templates, threads))};
  }
  std::unique_ptr<DenseScorer> scorer(const ClassText& text,
                                      const ScorerTask& task) const override {
    return std::make_unique<GroupScorer>(parts_, text.rows, task.background);
  }
  BackgroundRule background() const override { return BackgroundRule::kInWindow; }
  bool mixes() const override { return false; }
  std::vector<MethodSetting> settings(double, const std::string&) const override {
    return parts_->settings;
  }
  std::string missing_reference(double) const override { return ""; }
  const Parameters& parameters() const override { return none_; }

 private:
  std::shared_ptr<const GroupModelParts> parts_;
  Parameters none_;
};

}  // namespace

GroupTower GroupTower::take(TensorSource& source, std::int64_t heads) {
  GroupTower tower{.encoder = GroupingEncoder::take(source, "img_encoder.", heads),
                   .projection = {}};
  tower.projection = GroupProjection::take(source, "img_projector.", tower.encoder.width());
  const double scale = std::exp(source.take("logit_scale", {}).item<float>());
  tower.logit_scale = std::min(scale, kScaleMax);
  return tower;
}

at::Tensor unit_rows(const at::Tensor& x) {
  return x / x.norm(2, -1, /*keepdim=*/true).clamp_min(kNormMin);
}

at::Tensor group_affinity(const at::Tensor& groups, const at::Tensor& mean, const at::Tensor& text,
                          double scale, std::int64_t kept) {
  const at::Tensor logits = at::matmul(unit_rows(groups), text.t()) * scale;  // [G, N]
  const at::Tensor closeness = at::matmul(unit_rows(mean), text.t());         // [N]
  const std::int64_t count = std::min(kept, text.size(0));
  const at::Tensor closest = std::get<1>(closeness.topk(count));  // [count]
  const at::Tensor others =
      at::full_like(logits, -std::numeric_limits<double>::infinity());  // [G, N]
  const at::Tensor limited = others.index_copy(1, closest, logits.index_select(1, closest));
  return at::softmax(logits, 1) * at::softmax(limited, 1);
}

at::Tensor group_maps(const GroupedImage& image, std::size_t stage, std::int64_t height,
                      std::int64_t width) {
  return at::upsample_bilinear2d(image.membership(stage).to(at::kFloat), {height, width},
                                 /*align_corners=*/false);
}

std::unique_ptr<DenseModel> make_group_model(GroupModelParts parts) {
  return std::make_unique<GroupModel>(std::move(parts));
}

}  // namespace tagalign::model
