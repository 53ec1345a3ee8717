#include "model/inference/dense/placed_maps.h"

#include <ATen/ops/full.h>

#include <algorithm>

#include "base/status.h"

namespace tagalign::model {
namespace {

/// [1, C, h, w] → [h, w, c].
at::Tensor channels_inside(const at::Tensor& scores) {
  const std::int64_t channels = scores.size(1);
  at::Tensor inside = at::full({scores.size(2), scores.size(3), padded_channels(channels)},
                               kNoScore, scores.options());
  inside.narrow(2, 0, channels).copy_(scores.select(0, 0).permute({1, 2, 0}));
  return inside;
}

WindowGrid place_of(const PlacedMap& window) {
  return {.top = window.top, .left = window.left, .height = window.height, .width = window.width};
}

RowSizes row_sizes(const DenseSizes& sizes) {
  return {sizes.slid.height, sizes.slid.width, sizes.original.height, sizes.original.width};
}

std::vector<WindowGrid> constant_grids(std::span<const PlacedMap> windows, const float* values) {
  std::vector<WindowGrid> grids;
  for (const PlacedMap& window : windows) grids.emplace_back(place_of(window)).values = values;
  return grids;
}

std::vector<float> padded_values(std::span<const double> values) {
  std::vector<float> padded(static_cast<std::size_t>(padded_channels(std::ssize(values))));
  std::ranges::transform(values, padded.begin(),
                         [](double value) { return static_cast<float>(value); });
  return padded;
}

}  // namespace

PlacedGrids::PlacedGrids(std::span<const PlacedMap> windows) {
  TA_CHECK(!windows.empty(), "a window");
  channels_ = windows.front().map->scores.size(1);
  for (const PlacedMap& window : windows) {
    const at::Tensor& scores = window.map->scores;
    const Padding& p = window.map->padding;
    WindowGrid& grid = grids_.emplace_back(place_of(window));
    grid.values = held_.emplace_back(channels_inside(scores)).const_data_ptr<float>();
    grid.rows = scores.size(2);
    grid.columns = scores.size(3);
    grid.stretched_height = window.height + p.top + p.bottom;
    grid.stretched_width = window.width + p.left + p.right;
    grid.above = p.top;
    grid.before = p.left;
    grid.channels_last = scores.is_contiguous(at::MemoryFormat::ChannelsLast);
  }
}

ScoreRows PlacedGrids::rows(const DenseSizes& sizes) const {
  return ScoreRows(grids_, channels_, row_sizes(sizes));
}

ConstantRows::ConstantRows(std::span<const PlacedMap> windows, const DenseSizes& sizes,
                           std::span<const double> values)
    : original_(sizes.original),
      values_(padded_values(values)),
      rows_(constant_grids(windows, values_.data()), std::ssize(values), row_sizes(sizes)) {}

RowPair ConstantRows::row(std::int64_t y) {
  RowPair row = rows_.row(y);
  row.order = blend_order(1, original_.height, original_.width, false);
  return row;
}

}  // namespace tagalign::model
