#include "model/inference/segmentation.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/zeros.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <algorithm>
#include <span>

#include "base/limits.h"
#include "base/status.h"
#include "model/inference/slide.h"

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

/// `map` at the pixels of its window: [C, height, width].
at::Tensor at_window(const ScoreMap& map, const Window& w) {
  const Padding& p = map.padding;
  return stretch(map.scores, w.height + p.top + p.bottom, w.width + p.left + p.right)
      .squeeze(0)
      .narrow(1, p.top, w.height)
      .narrow(2, p.left, w.width);
}

/// One image after its windows went through the scorer.
class SlidImage {
 public:
  SlidImage(const DenseScorer& scorer, const at::Tensor& image, ImageSize original,
            const SegmentationOptions& options, std::span<const ScoreVariant> mapped)
      : scorer_(scorer),
        image_(image),
        original_(original),
        whole_(options.window >= limits::kWholeImageWindow),
        windows_(sliding_windows(image.size(1), image.size(2), options)),
        maps_(maps_of_windows(scorer, image, windows_, mapped, options.windows_per_pass)) {}

  /// [1, height, width] at the original size: averaged like any channel, so that it rounds alike.
  at::Tensor constant(double value) const {
    return to_original(SlideAverage(1, image_, windows_).run([&](std::size_t) { return value; }));
  }
  /// Map number `map` of all windows: [C, height, width].
  at::Tensor average(std::size_t map) const {
    if (whole_ && windows_.size() == 1 && scorer_.straight_to_original()) return straight(map);
    return to_original(SlideAverage(scorer_.channels(), image_, windows_).run([&](std::size_t i) {
      return at_window(maps_[i][map], windows_[i]);
    }));
  }

 private:
  at::Tensor to_original(const at::Tensor& planes) const {
    return stretch(planes.unsqueeze(0), original_.height, original_.width).squeeze(0);
  }
  at::Tensor straight(std::size_t map) const {
    const Padding& p = maps_[0][map].padding;
    if (p.top + p.bottom + p.left + p.right > 0)
      return to_original(at_window(maps_[0][map], windows_[0]));
    return to_original(maps_[0][map].scores.squeeze(0));
  }

  const DenseScorer& scorer_;
  const at::Tensor& image_;
  ImageSize original_;
  bool whole_;
  std::vector<Window> windows_;
  std::vector<std::vector<ScoreMap>> maps_;  ///< [window][map]
};

}  // namespace

std::size_t SegmentationSweep::size() const {
  return mixes.size() * std::max<std::size_t>(background_thresholds.size(), 1);
}

std::vector<ScoreVariant> SegmentationSweep::variants() const {
  std::vector<ScoreVariant> all;
  for (const double mix : mixes) {
    if (background_thresholds.empty()) all.push_back({.mix = mix});
    for (const double threshold : background_thresholds) {
      all.push_back({.mix = mix, .threshold = threshold});
    }
  }
  return all;
}

std::vector<Window> sliding_windows(std::int64_t height, std::int64_t width,
                                    const SegmentationOptions& options) {
  const std::int64_t rows = options.window;
  const std::int64_t columns = options.window_width > 0 ? options.window_width : rows;
  const int step = options.stride_width > 0 ? options.stride_width : options.stride;
  TA_CHECK(height > 0 && width > 0 && rows > 0 && options.stride > 0, "positive sizes");
  std::vector<Window> windows;
  for (const std::int64_t y : window_starts(height, rows, options.stride)) {
    for (const std::int64_t x : window_starts(width, columns, step)) {
      windows.push_back({y, x, std::min(rows, height), std::min(columns, width)});
    }
  }
  return windows;
}

std::vector<Window> sliding_windows(std::int64_t height, std::int64_t width, int window,
                                    int stride) {
  return sliding_windows(height, width, {.window = window, .stride = stride});
}

bool Segmenter::constant_background() const {
  return options_.background && scorer_->background() == BackgroundRule::kConstant;
}

std::int64_t Segmenter::channels() const {
  return scorer_->classes() + (constant_background() ? 1 : 0);
}

void Segmenter::sweep_scores(const at::Tensor& image, ImageSize original,
                             const SegmentationSweep& sweep, const ScoreVisitor& visit) const {
  TA_CHECK(image.dim() == 3 && image.size(0) == 3, "image [3, H, W]");
  TA_CHECK(!sweep.mixes.empty(), "a mix");
  TA_CHECK(sweep.background_thresholds.empty() != options_.background,
           "thresholds for a background alone");
  const at::NoGradGuard no_grad;
  const auto variants = sweep.variants();
  const std::size_t thresholds = std::max<std::size_t>(sweep.background_thresholds.size(), 1);
  const auto [mapped, sharing] = mapped_variants(*scorer_, sweep);
  const SlidImage slid(*scorer_, image, original, options_, mapped);
  const AutocastOff no_autocast(c10::autocast_dispatch_keyset);
  std::vector<at::Tensor> constants;  // each [1, height, width]
  if (constant_background()) {
    for (const double threshold : sweep.background_thresholds)
      constants.push_back(slid.constant(threshold));
  }
  at::Tensor scores;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    if (i % sharing == 0) scores = slid.average(i / sharing);
    const at::Tensor all =
        constants.empty() ? scores : at::cat({constants[i % thresholds], scores}, 0);
    const ScoreFinish* finish = scorer_->score_finish();
    visit(i, finish == nullptr ? all : finish->finish(all, image, variants[i]));
  }
}

}  // namespace tagalign::model
