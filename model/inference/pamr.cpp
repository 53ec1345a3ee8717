#include "model/inference/pamr.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/replication_pad2d.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/status.h"

namespace tagalign::model {
namespace {

constexpr double kDeviationFloor = 1e-8;
constexpr double kDeviationShare = 0.1;

/// The eight neighbours at distance 1, row by row.
constexpr std::array<std::pair<int, int>, 8> kNeighbours = {
    {{-1, -1}, {-1, 0}, {-1, 1}, {0, -1}, {0, 1}, {1, -1}, {1, 0}, {1, 1}}};

/// Views of planes [B, K, H, W] moved by up to `reach` pixels, the border repeated.
class Shifted {
 public:
  Shifted(const at::Tensor& planes, std::int64_t reach)
      : reach_(reach),
        height_(planes.size(2)),
        width_(planes.size(3)),
        padded_(at::replication_pad2d(planes, {reach, reach, reach, reach})) {}

  /// The value of the neighbour `dilation` · (dy, dx) away, for every pixel.
  at::Tensor by(std::int64_t dilation, std::pair<int, int> step) const {
    return padded_.narrow(2, reach_ + dilation * step.first, height_)
        .narrow(3, reach_ + dilation * step.second, width_);
  }

 private:
  std::int64_t reach_, height_, width_;
  at::Tensor padded_;
};

std::int64_t reach_of(const PamrOptions& options) {
  TA_CHECK(!options.dilations.empty(), "a dilation");
  TA_CHECK(std::ranges::min(options.dilations) > 0, "dilations of at least a pixel");
  return std::ranges::max(options.dilations);
}

/// As many rows as stay in a core's cache while all neighbours are added to them.
std::int64_t rows_at_once(const at::Tensor& map) {
  constexpr std::int64_t kCachedValues = 48 * 1024;
  const std::int64_t row = std::max<std::int64_t>(map.size(0) * map.size(1) * map.size(3), 1);
  return std::clamp<std::int64_t>(kCachedValues / row, 1, map.size(2));
}

/// Each pixel of map [B, C, H, W] as the mean of its neighbours, weighed by affinity [B, N, H, W].
at::Tensor refined_once(const at::Tensor& map, const at::Tensor& affinity,
                        const PamrOptions& options) {
  const Shifted shifted(map, reach_of(options));
  at::Tensor next = at::zeros_like(map);
  const std::int64_t rows = rows_at_once(map);
  for (std::int64_t top = 0; top < map.size(2); top += rows) {
    const std::int64_t count = std::min(rows, map.size(2) - top);
    at::Tensor part = next.narrow(2, top, count);
    const at::Tensor weights = affinity.narrow(2, top, count);
    std::int64_t neighbour = 0;
    for (const std::int64_t dilation : options.dilations) {
      for (const auto& step : kNeighbours)
        part.addcmul_(shifted.by(dilation, step).narrow(2, top, count),
                      weights.narrow(1, neighbour++, 1));
    }
  }
  return next;
}

}  // namespace

at::Tensor pamr_deviation(const at::Tensor& image, const PamrOptions& options) {
  const Shifted shifted(image, reach_of(options));
  const auto samples = 9 * std::ssize(options.dilations);
  // Distances from the pixel itself, whose own is 0: where a photograph is nearly flat, a mean of
  // the values would round away all that tells them apart.
  const auto each = [&](const auto& add) {
    for (const std::int64_t dilation : options.dilations) {
      for (const auto& step : kNeighbours) add(shifted.by(dilation, step) - image);
    }
  };
  at::Tensor mean = at::zeros_like(image);
  each([&](const at::Tensor& distance) { mean += distance; });
  mean /= static_cast<double>(samples);
  at::Tensor squares = mean * mean * static_cast<double>(std::ssize(options.dilations));
  each([&](const at::Tensor& distance) {
    const at::Tensor difference = distance - mean;
    squares.addcmul_(difference, difference);
  });
  return at::sqrt(squares / static_cast<double>(samples - 1));
}

at::Tensor pamr_affinity(const at::Tensor& image, const PamrOptions& options) {
  const Shifted shifted(image, reach_of(options));
  const at::Tensor divisor = pamr_deviation(image, options) * kDeviationShare + kDeviationFloor;
  std::vector<at::Tensor> logits;
  for (const std::int64_t dilation : options.dilations) {
    for (const auto& step : kNeighbours) {
      const at::Tensor distance = (image - shifted.by(dilation, step)).abs() / divisor;
      logits.push_back(-distance.mean(1));
    }
  }
  return at::softmax(at::stack(logits, 1), 1);
}

at::Tensor Pamr::refine(const at::Tensor& image, const at::Tensor& scores) const {
  TA_CHECK(image.dim() == 4 && scores.dim() == 4 && image.size(0) == scores.size(0),
           "images [B, 3, H, W] and scores [B, C, h, w]");
  at::Tensor map = scores;
  if (scores.size(2) != image.size(2) || scores.size(3) != image.size(3)) {
    map = at::upsample_bilinear2d(scores, {image.size(2), image.size(3)}, /*align_corners=*/true);
  }
  if (options_.iterations == 0) return map;
  const at::Tensor affinity = pamr_affinity(image, options_);
  for (int i = 0; i < options_.iterations; ++i) map = refined_once(map, affinity, options_);
  return map;
}

}  // namespace tagalign::model
