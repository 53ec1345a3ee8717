#include "model/inference/segmentation.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/zeros.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>
#include <span>

#include "base/status.h"

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

/// [window][mix]. One window a pass: kernels round differently for other batch sizes, which would
/// move pixels on class borders.
std::vector<std::vector<at::Tensor>> maps_of_windows(const DenseScorer& scorer,
                                                     const at::Tensor& image,
                                                     std::span<const Window> windows,
                                                     std::span<const double> mixes) {
  std::vector<std::vector<at::Tensor>> maps;
  for (const Window& w : windows) maps.push_back(scorer.maps(cut(image, w).unsqueeze(0), mixes));
  return maps;
}

}  // namespace

std::size_t SegmentationSweep::size() const {
  return mixes.size() * std::max<std::size_t>(background_thresholds.size(), 1);
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

void Segmenter::sweep_scores(const at::Tensor& image, ImageSize original,
                             const SegmentationSweep& sweep, const ScoreVisitor& visit) const {
  TA_CHECK(image.dim() == 3 && image.size(0) == 3, "image [3, H, W]");
  TA_CHECK(!sweep.mixes.empty(), "a mix");
  TA_CHECK(sweep.background_thresholds.empty() != options_.background,
           "thresholds for a background channel alone");
  const at::NoGradGuard no_grad;
  const auto windows =
      sliding_windows(image.size(1), image.size(2), options_.window, options_.stride);
  const auto maps = maps_of_windows(*scorer_, image, windows, sweep.mixes);
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
  for (std::size_t mix = 0; mix < sweep.mixes.size(); ++mix) {
    const at::Tensor classes =
        to_original(SlideAverage(scorer_->classes(), image, windows).run([&](std::size_t i) {
          return stretch(maps[i][mix], windows[i].height, windows[i].width).squeeze(0);
        }));  // [N, height, width]
    if (!options_.background) visit(combination++, classes);
    for (const at::Tensor& constant : constants) {
      visit(combination++, at::cat({constant, classes}, 0));
    }
  }
}

}  // namespace tagalign::model
