#include "model/inference/slide.h"

#include <ATen/ops/stack.h>

#include <algorithm>

namespace tagalign::model {
namespace {

/// Windows first … first + count − 1 and, behind the last one, that again: [count, 3, S, S'].
at::Tensor pass_of(const at::Tensor& image, std::span<const Window> windows, std::size_t first,
                   std::size_t count) {
  if (count == 1) return cut(image, windows[first]).unsqueeze(0);
  std::vector<at::Tensor> cuts;
  for (std::size_t i = 0; i < count; ++i)
    cuts.push_back(cut(image, windows[std::min(first + i, windows.size() - 1)]));
  return at::stack(cuts);
}

}  // namespace

at::Tensor cut(const at::Tensor& planes, const Window& window) {
  return planes.narrow(1, window.y, window.height).narrow(2, window.x, window.width);
}

std::vector<std::vector<ScoreMap>> maps_of_windows(const DenseScorer& scorer,
                                                   const at::Tensor& image,
                                                   std::span<const Window> windows,
                                                   std::span<const ScoreVariant> variants,
                                                   int windows_per_pass) {
  const auto pass = static_cast<std::size_t>(windows_per_pass);
  std::vector<std::vector<ScoreMap>> maps(windows.size());
  for (std::size_t first = 0; first < windows.size(); first += pass) {
    const auto found = scorer.maps(pass_of(image, windows, first, pass), variants);
    const std::size_t count = std::min(pass, windows.size() - first);
    for (std::size_t i = 0; i < count; ++i) {
      for (const ScoreMap& map : found)
        maps[first + i].push_back(
            {map.scores.narrow(0, static_cast<std::int64_t>(i), 1), map.padding});
    }
  }
  return maps;
}

MappedVariants mapped_variants(const DenseScorer& scorer, const SegmentationSweep& sweep) {
  const auto variants = sweep.variants();
  const bool in_window = scorer.background() == BackgroundRule::kInWindow;
  MappedVariants mapped;
  mapped.sharing = in_window ? 1 : std::max<std::size_t>(sweep.background_thresholds.size(), 1);
  for (std::size_t i = 0; i < variants.size(); i += mapped.sharing) {
    mapped.maps.push_back({variants[i].mix, in_window ? variants[i].threshold : std::nullopt});
  }
  return mapped;
}

}  // namespace tagalign::model
