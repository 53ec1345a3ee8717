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

at::Tensor cut(const at::Tensor& planes, const Window& w) {
  return planes.narrow(1, w.y, w.height).narrow(2, w.x, w.width);
}

/// [B, N, h, w] → [B, N, height, width]
at::Tensor stretch(const at::Tensor& planes, std::int64_t height, std::int64_t width) {
  return at::upsample_bilinear2d(planes, {height, width}, /*align_corners=*/false);
}

/// Averages over the windows that cover a pixel.
class SlideAverage {
 public:
  SlideAverage(std::int64_t channels, const at::Tensor& image, std::span<const Window> windows)
      : windows_(windows),
        sum_(at::zeros({channels, image.size(1), image.size(2)},
                       image.options().dtype(at::kFloat))) {}

  /// `scores(i)`: what window i adds, a number or [channels, height, width].
  template <class Scores>
  at::Tensor run(const Scores& scores) {
    at::Tensor count = at::zeros({1, sum_.size(1), sum_.size(2)}, sum_.options());
    for (std::size_t i = 0; i < windows_.size(); ++i) {
      cut(sum_, windows_[i]) += scores(i);
      cut(count, windows_[i]) += 1.0;
    }
    return sum_ / count;  // [channels, H, W]
  }

 private:
  std::span<const Window> windows_;
  at::Tensor sum_;
};

}  // namespace

std::size_t SegmentationSweep::size() const {
  return clip_weights.size() * std::max<std::size_t>(background_thresholds.size(), 1);
}

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

double Segmenter::frozen_share(double clip_weight) const {
  return projector_ == nullptr ? 1.0 : clip_weight;
}

Segmenter::Shares Segmenter::needed(std::span<const double> clip_weights) const {
  Shares shares;
  for (const double weight : clip_weights) {
    shares.frozen |= frozen_share(weight) > 0.0;
    shares.trained |= frozen_share(weight) < 1.0;
  }
  return shares;
}

SegmentationSweep Segmenter::own_values() const {
  SegmentationSweep own{{options_.clip_weight}, {}};
  if (options_.background) own.background_thresholds = {options_.background_threshold};
  return own;
}

Segmenter::Maps Segmenter::class_maps(const at::Tensor& windows, Shares shares) const {
  const std::int64_t patch = vision_->shape().patch_size;
  const Grid grid{windows.size(2) / patch, windows.size(3) / patch};
  const at::Tensor patches = vision_->encode(windows, options_.attention).slice(1, 1);
  at::Tensor frozen, trained;  // [B, hw, E]
  if (shares.frozen) frozen = vision_->projection().forward(patches);
  if (shares.trained) trained = projector_->forward(patches, grid);
  const AutocastOff no_autocast(c10::autocast_dispatch_keyset);
  Maps maps;
  if (shares.frozen) maps.frozen = class_scores(frozen, grid);
  if (shares.trained) maps.trained = class_scores(trained, grid);
  return maps;
}

at::Tensor Segmenter::mix(const Maps& maps, double clip_weight) const {
  const double share = frozen_share(clip_weight);
  if (share <= 0.0) return maps.trained;
  if (share >= 1.0) return maps.frozen;
  return maps.trained * (1.0 - share) + maps.frozen * share;
}

at::Tensor Segmenter::window_masks(const at::Tensor& windows) const {
  const at::NoGradGuard no_grad;
  const std::vector<double> own{options_.clip_weight};
  const Maps maps = class_maps(windows, needed(own));
  const AutocastOff no_autocast(c10::autocast_dispatch_keyset);
  const at::Tensor mask =
      stretch(mix(maps, options_.clip_weight), windows.size(2), windows.size(3));
  if (!options_.background) return mask;
  const at::Tensor constant = at::full({mask.size(0), 1, mask.size(2), mask.size(3)},
                                       options_.background_threshold, mask.options());
  return at::cat({constant, mask}, 1);
}

// One window a pass: kernels round differently for other batch sizes, which would move pixels on
// class borders.
std::vector<Segmenter::Maps> Segmenter::maps_of_windows(const at::Tensor& image,
                                                        std::span<const Window> windows,
                                                        Shares shares) const {
  std::vector<Maps> maps;
  for (const Window& w : windows) maps.push_back(class_maps(cut(image, w).unsqueeze(0), shares));
  return maps;
}

at::Tensor Segmenter::slide(const at::Tensor& image) const {
  TA_CHECK(image.dim() == 3 && image.size(0) == 3, "image [3, H, W]");
  const at::NoGradGuard no_grad;
  const auto windows =
      sliding_windows(image.size(1), image.size(2), options_.window, options_.stride);
  return SlideAverage(channels(), image, windows).run([&](std::size_t i) {
    return window_masks(cut(image, windows[i]).unsqueeze(0)).squeeze(0);
  });
}

at::Tensor Segmenter::scores(const at::Tensor& image, ImageSize original) const {
  at::Tensor own;
  sweep_scores(image, original, own_values(),
               [&](std::size_t, const at::Tensor& scores) { own = scores; });
  return own;
}

void Segmenter::sweep_scores(const at::Tensor& image, ImageSize original,
                             const SegmentationSweep& sweep, const ScoreVisitor& visit) const {
  TA_CHECK(image.dim() == 3 && image.size(0) == 3, "image [3, H, W]");
  TA_CHECK(!sweep.clip_weights.empty(), "a weight");
  TA_CHECK(sweep.background_thresholds.empty() != options_.background,
           "thresholds for a background channel alone");
  const at::NoGradGuard no_grad;
  const auto windows =
      sliding_windows(image.size(1), image.size(2), options_.window, options_.stride);
  const auto maps = maps_of_windows(image, windows, needed(sweep.clip_weights));
  const AutocastOff no_autocast(c10::autocast_dispatch_keyset);
  const auto to_original = [&](const at::Tensor& average) {
    return stretch(average.unsqueeze(0), original.height, original.width).squeeze(0);
  };

  std::vector<at::Tensor> constants;  // each [1, height, width]
  for (const double threshold : sweep.background_thresholds) {
    constants.push_back(
        to_original(SlideAverage(1, image, windows).run([&](std::size_t) { return threshold; })));
  }
  std::size_t combination = 0;
  for (const double weight : sweep.clip_weights) {
    const at::Tensor classes =
        to_original(SlideAverage(text_.size(0), image, windows).run([&](std::size_t i) {
          return stretch(mix(maps[i], weight), windows[i].height, windows[i].width).squeeze(0);
        }));  // [N, height, width]
    if (!options_.background) visit(combination++, classes);
    for (const at::Tensor& constant : constants) {
      visit(combination++, at::cat({constant, classes}, 0));
    }
  }
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
