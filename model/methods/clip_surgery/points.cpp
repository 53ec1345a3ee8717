#include "model/methods/clip_surgery/points.h"

#include <ATen/ops/upsample_bilinear2d.h>

#include <algorithm>
#include <numeric>

#include "base/status.h"
#include "model/methods/clip_surgery/surgery.h"

namespace tagalign::model {
namespace {

void keep(std::vector<PointPrompt>& all, const std::vector<PointPrompt>& more, bool inside) {
  std::ranges::copy_if(more, std::back_inserter(all),
                       [inside](const PointPrompt& point) { return point.inside == inside; });
}

}  // namespace

PointPrompt PointCells::point(std::int64_t cell, ImageSize image, bool inside) const {
  const auto middle = [this](std::int64_t index, std::int64_t pixels) {
    const double scale = static_cast<double>(pixels) / static_cast<double>(side);
    // In fp32, as the source multiplies: what rounds up to a whole number is the next pixel.
    const float at = (static_cast<float>(index) + 0.5F) * static_cast<float>(scale);
    return std::min(static_cast<std::int64_t>(at), pixels - 1);
  };
  return {middle(cell % side, image.width), middle(cell / side, image.height), inside};
}

PointCells point_cells(const at::Tensor& scores, int shrink) {
  TA_CHECK(shrink > 0, "a cell of at least one patch");
  const std::int64_t side = side_of(scores.size(0));
  const std::int64_t cells = std::max<std::int64_t>(side / shrink, 1);
  const at::Tensor shrunk =
      at::upsample_bilinear2d(scores.to(at::kCPU, at::kFloat).reshape({1, 1, side, side}),
                              {cells, cells}, /*align_corners=*/false);
  const at::Tensor unit = unit_maps(shrunk.reshape({-1, 1})).contiguous();
  const auto* values = unit.const_data_ptr<float>();
  return {cells, {values, values + unit.numel()}};
}

std::vector<PointPrompt> point_prompts(const at::Tensor& scores, ImageSize image,
                                       const PointOptions& options) {
  const PointCells cells = point_cells(scores, options.shrink);
  std::vector<std::int64_t> order(cells.scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(
      order, {}, [&](std::int64_t cell) { return cells.scores[static_cast<std::size_t>(cell)]; });
  const auto threshold = static_cast<float>(options.threshold);
  const auto sure =
      std::ranges::count_if(cells.scores, [&](float score) { return score >= threshold; });
  const auto [lowest, highest] = std::ranges::minmax(cells.scores);
  const auto half = static_cast<std::int64_t>(order.size() / 2);
  const std::int64_t count = lowest < highest ? std::min<std::int64_t>(sure, half) : 0;
  std::vector<PointPrompt> points;
  for (auto cell = order.end() - count; cell != order.end(); ++cell)
    points.push_back(cells.point(*cell, image, true));
  for (auto cell = order.begin(); cell != order.begin() + count; ++cell)
    points.push_back(cells.point(*cell, image, false));
  return points;
}

std::vector<PointPrompt> class_point_prompts(const at::Tensor& scores, ImageSize image,
                                             const PointOptions& options) {
  if (scores.size(1) == 1) return point_prompts(scores.select(1, 0), image, options);
  std::vector<PointPrompt> points;
  keep(points, point_prompts(unit_maps(scores).mean(1), image, options), false);
  for (std::int64_t text = 0; text < scores.size(1); ++text)
    keep(points, point_prompts(scores.select(1, text), image, options), true);
  return points;
}

}  // namespace tagalign::model
