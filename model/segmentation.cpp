#include "model/segmentation.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/zeros.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "model/kernels/predict.h"
#include "model/losses.h"

namespace tagalign::model {
namespace {

using AutocastOff = c10::impl::ExcludeDispatchKeyGuard;

/// Corners along one axis.
std::vector<std::int64_t> window_starts(std::int64_t length, std::int64_t window,
                                        std::int64_t stride) {
  std::vector<std::int64_t> starts;
  const std::int64_t last = std::max<std::int64_t>(length - window, 0);
  for (std::int64_t start = 0; start < last; start += stride) starts.push_back(start);
  starts.push_back(last);
  return starts;
}

}  // namespace

std::vector<Window> sliding_windows(std::int64_t height, std::int64_t width, int window,
                                    int stride) {
  TA_CHECK(height > 0 && width > 0 && window > 0 && stride > 0, "positive sizes");
  std::vector<Window> windows;
  for (const std::int64_t y : window_starts(height, window, stride)) {
    for (const std::int64_t x : window_starts(width, window, stride)) {
      windows.push_back(
          {y, x, std::min<std::int64_t>(window, height), std::min<std::int64_t>(window, width)});
    }
  }
  return windows;
}

Segmenter::Segmenter(const VisionTower& vision, const Projector* projector, at::Tensor text,
                     SegmentationOptions options)
    : vision_(&vision),
      projector_(projector),
      text_(normalize_features(text)),
      options_(std::move(options)) {
  TA_CHECK(text_.dim() == 2 && text_.size(1) == vision.shape().embed_dim, "text [N, E]");
}

at::Tensor Segmenter::class_scores(const at::Tensor& features, Grid grid) const {
  const at::Tensor similarity = at::matmul(normalize_features(features), text_.t());  // [B, hw, N]
  const at::Tensor map =
      similarity.transpose(1, 2).reshape({features.size(0), text_.size(0), grid.h, grid.w});
  if (options_.rule == ScoreRule::kSoftmax) return at::softmax(map * options_.scale, 1);
  return at::sigmoid(map * options_.scale + options_.bias);
}

at::Tensor Segmenter::window_masks(const at::Tensor& windows) const {
  const at::NoGradGuard no_grad;
  const std::int64_t patch = vision_->shape().patch_size;
  const Grid grid{windows.size(2) / patch, windows.size(3) / patch};
  const at::Tensor patches = vision_->encode(windows, options_.attention).slice(1, 1);
  const double frozen_share = projector_ == nullptr ? 1.0 : options_.clip_weight;
  at::Tensor frozen, trained;
  if (frozen_share > 0.0) frozen = vision_->projection().forward(patches);
  if (frozen_share < 1.0) trained = projector_->forward(patches, grid);

  const AutocastOff no_autocast(c10::autocast_dispatch_keyset);
  at::Tensor mask;  // [B, N, h, w]
  if (frozen_share <= 0.0) {
    mask = class_scores(trained, grid);
  } else if (frozen_share >= 1.0) {
    mask = class_scores(frozen, grid);
  } else {
    mask = class_scores(trained, grid) * (1.0 - frozen_share) +
           class_scores(frozen, grid) * frozen_share;
  }
  mask = at::upsample_bilinear2d(mask, {windows.size(2), windows.size(3)},
                                 /*align_corners=*/false);
  if (!options_.background) return mask;
  const at::Tensor constant = at::full({mask.size(0), 1, mask.size(2), mask.size(3)},
                                       options_.background_threshold, mask.options());
  return at::cat({constant, mask}, 1);
}

at::Tensor Segmenter::slide(const at::Tensor& image) const {
  TA_CHECK(image.dim() == 3 && image.size(0) == 3, "image [3, H, W]");
  const at::NoGradGuard no_grad;
  const std::int64_t height = image.size(1), width = image.size(2);
  const at::TensorOptions fp32 = image.options().dtype(at::kFloat);
  at::Tensor sum = at::zeros({channels(), height, width}, fp32);
  at::Tensor count = at::zeros({1, height, width}, fp32);
  const auto cut = [](const at::Tensor& t, const Window& w) {
    return t.narrow(1, w.y, w.height).narrow(2, w.x, w.width);
  };
  // One window a pass: kernels round differently for other batch sizes, which would move pixels on
  // class borders.
  for (const Window& w : sliding_windows(height, width, options_.window, options_.stride)) {
    cut(sum, w) += window_masks(cut(image, w).unsqueeze(0)).squeeze(0);
    cut(count, w) += 1.0;
  }
  return sum / count;
}

at::Tensor Segmenter::scores(const at::Tensor& image, ImageSize original) const {
  const at::NoGradGuard no_grad;
  return at::upsample_bilinear2d(slide(image).unsqueeze(0), {original.height, original.width},
                                 /*align_corners=*/false)
      .squeeze(0);
}

at::Tensor Segmenter::label_map(const at::Tensor& image, std::int64_t original_h,
                                std::int64_t original_w) const {
  return predict_labels(scores(image, {original_h, original_w}));
}

void Segmenter::count(const at::Tensor& image, ImageSize original,
                      std::span<const std::uint16_t> label, int ignore_index,
                      SegmentationCounts& counts) const {
  count_predictions(scores(image, original), label, ignore_index, counts);
}

}  // namespace tagalign::model
