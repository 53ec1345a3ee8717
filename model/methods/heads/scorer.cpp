#include "model/methods/heads/scorer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "model/training/losses.h"

namespace tagalign::model {
namespace {

/// Above any softmax.
constexpr double kCertain = 2.0;

std::int64_t class_count(const ClassText& text) {
  return text.class_of.empty() ? text.rows.size(0) : text.class_of.back() + 1;
}

/// What brings `size` to a multiple of `patch`: the smaller half first.
std::pair<std::int64_t, std::int64_t> padding_of(std::int64_t size, std::int64_t patch) {
  const std::int64_t missing = (patch - size % patch) % patch;
  return {missing / 2, missing - missing / 2};
}

class HeadScorer final : public DenseScorer, private ScoreFinish {
 public:
  HeadScorer(std::unique_ptr<PatchEncoder> encoder, ClassText text,
             const config::HeadSettings& settings, std::int64_t patch, const Refinement* refinement)
      : encoder_(std::move(encoder)),
        text_(std::move(text)),
        settings_(settings),
        patch_(patch),
        refinement_(refinement) {}

  std::int64_t channels() const override { return text_.rows.size(0); }
  std::int64_t classes() const override { return class_count(text_); }
  BackgroundRule background() const override { return BackgroundRule::kAtEnd; }
  bool straight_to_original() const override { return settings_.straight_to_original; }
  LabelRule label_rule() const override { return LabelRule::kLargest; }

  std::vector<ScoreMap> maps(const at::Tensor& windows,
                             std::span<const ScoreVariant> variants) const override {
    Padding padding;
    const PatchFeatures features = encoder_->encode(padded(windows, padding));
    const at::Tensor map = cosine_maps(features, text_.rows);
    return std::vector<ScoreMap>(variants.size(), {map, padding});
  }

  const ScoreFinish* score_finish() const override { return this; }
  bool by_pixel() const override { return refinement_ == nullptr && settings_.area_threshold == 0; }
  at::Tensor finish(const at::Tensor& scores, const at::Tensor& image,
                    const ScoreVariant& variant) const override {
    at::Tensor values =
        class_values(sharpened(refinement_, scores, image), text_.class_of, settings_.scale);
    if (settings_.area_threshold > 0)
      values = without_small_classes(values, settings_.area_threshold);
    return variant.threshold ? with_background(values, *variant.threshold) : values;
  }

 private:
  at::Tensor padded(const at::Tensor& windows, Padding& padding) const {
    if (settings_.remainder == config::WindowRemainder::kDrop) return windows;
    const auto [top, bottom] = padding_of(windows.size(2), patch_);
    const auto [left, right] = padding_of(windows.size(3), patch_);
    padding = {.top = top, .bottom = bottom, .left = left, .right = right};
    return at::constant_pad_nd(windows, {left, right, top, bottom});
  }

  std::unique_ptr<PatchEncoder> encoder_;
  ClassText text_;  // rows [Q, E], normalised
  config::HeadSettings settings_;
  std::int64_t patch_;
  const Refinement* refinement_;
};

}  // namespace

at::Tensor cosine_maps(const PatchFeatures& patches, const at::Tensor& queries) {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const at::Tensor cosines =
      at::matmul(normalize_features(patches.rows.to(at::kFloat)), queries.t());  // [B, h·w, Q]
  return cosines.transpose(1, 2).reshape(
      {patches.rows.size(0), queries.size(0), patches.grid.rows, patches.grid.columns});
}

at::Tensor sharpened(const Refinement* refinement, const at::Tensor& cosines,
                     const at::Tensor& image) {
  if (refinement == nullptr) return cosines;
  const at::Tensor resized = at::upsample_bilinear2d(
      image.unsqueeze(0), {cosines.size(1), cosines.size(2)}, /*align_corners=*/false);
  return refinement->refine(resized, cosines.unsqueeze(0)).squeeze(0);
}

at::Tensor class_values(const at::Tensor& cosines, const std::vector<std::int64_t>& class_of,
                        double scale) {
  const at::Tensor queries = at::softmax(cosines * scale, 0);  // [Q, H, W]
  if (class_of.empty()) return queries;
  TA_CHECK(std::ssize(class_of) == queries.size(0), "the class of each query");
  TA_CHECK(std::ranges::is_sorted(class_of), "queries in the order of their classes");
  std::vector<at::Tensor> best;
  std::int64_t from = 0;
  for (std::int64_t to = 1; to <= queries.size(0); ++to) {
    if (to < queries.size(0) &&
        class_of[static_cast<std::size_t>(to)] == class_of[static_cast<std::size_t>(from)])
      continue;
    best.push_back(queries.slice(0, from, to).amax(0));
    from = to;
  }
  return at::stack(best);
}

at::Tensor without_small_classes(const at::Tensor& values, double share) {
  const at::Tensor labels = at::argmax(values, 0);                                        // [H, W]
  const at::Tensor areas = labels.flatten().bincount({}, values.size(0)).to(at::kFloat);  // [N]
  const at::Tensor foreground = areas.slice(0, 1);
  const at::Tensor kept = foreground.gt(foreground.sum() * share);  // [N − 1]
  at::Tensor result = values.clone();
  result.slice(0, 1).mul_(kept.to(values.scalar_type()).view({-1, 1, 1}));
  return result;
}

at::Tensor with_background(const at::Tensor& values, double threshold) {
  at::Tensor result = values.clone();
  result.select(0, 0).masked_fill_(values.amax(0).lt(threshold), kCertain);
  return result;
}

std::unique_ptr<DenseScorer> head_scorer(std::unique_ptr<PatchEncoder> encoder, ClassText text,
                                         const config::HeadSettings& settings, std::int64_t patch,
                                         const Refinement* refinement) {
  return std::make_unique<HeadScorer>(std::move(encoder), std::move(text), settings, patch,
                                      refinement);
}

}  // namespace tagalign::model
