#include "model/inference/dense/score_rows.h"

#include <algorithm>

namespace tagalign::model {

std::int64_t padded_channels(std::int64_t channels) {
  return (channels + kChannelPad - 1) / kChannelPad * kChannelPad;
}

ScoreRows::ScoreRows(std::vector<WindowGrid> windows, std::int64_t channels, const RowSizes& sizes)
    : windows_(std::move(windows)),
      channels_(channels),
      padded_(padded_channels(channels)),
      sizes_(sizes),
      rows_(axis_samples(sizes.slid_height, sizes.height)),
      columns_(axis_samples(sizes.slid_width, sizes.width)),
      covering_(static_cast<std::size_t>(sizes.slid_width)) {
  for (Averaged& slot : slots_)
    slot.values.resize(static_cast<std::size_t>(sizes.slid_width * padded_));
}

RowPair ScoreRows::row(std::int64_t y) {
  const AxisSample& sample = rows_[static_cast<std::size_t>(y)];
  const float* upper = averaged(sample.first, sample.second);
  return {.upper = upper,
          .lower = averaged(sample.second, sample.first),
          .near = sample.near,
          .far = sample.far,
          .columns = columns_,
          .padded = padded_,
          .order = blend_order(channels_, sizes_.height, sizes_.width, false)};
}

/// `other`: a row that must stay where it is.
const float* ScoreRows::averaged(std::int64_t row, std::int64_t other) {
  for (const Averaged& slot : slots_) {
    if (slot.row == row) return slot.values.data();
  }
  Averaged& slot = slots_[0].row == other ? slots_[1] : slots_[0];
  slot.row = row;
  fill(slot);
  return slot.values.data();
}

void ScoreRows::fill(Averaged& slot) {
  std::ranges::fill(slot.values, 0.0F);
  std::ranges::fill(covering_, 0.0F);
  for (const WindowGrid& window : windows_) {
    if (slot.row < window.top || slot.row >= window.top + window.height) continue;
    add(window, slot);
    const auto first = covering_.begin() + window.left;
    std::for_each(first, first + window.width, [](float& count) { count += 1; });
  }
  divide_pixels(covering_, padded_, slot.values.data());
}

void ScoreRows::add(const WindowGrid& window, Averaged& slot) {
  float* sums = slot.values.data() + window.left * padded_;
  if (window.rows == 0) {
    for (std::int64_t i = 0; i < window.width * padded_; ++i) sums[i] += window.values[i % padded_];
    return;
  }
  const std::int64_t y = slot.row - window.top + window.above;
  const AxisSample& sample =
      samples(window.rows, window.stretched_height)[static_cast<std::size_t>(y)];
  const std::int64_t row = window.columns * padded_;
  const std::span<const AxisSample> columns = samples(window.columns, window.stretched_width);
  add_blended({.upper = window.values + sample.first * row,
               .lower = window.values + sample.second * row,
               .near = sample.near,
               .far = sample.far,
               .columns = columns.subspan(static_cast<std::size_t>(window.before),
                                          static_cast<std::size_t>(window.width)),
               .padded = padded_,
               .order = blend_order(channels_, window.stretched_height, window.stretched_width,
                                    window.channels_last)},
              sums);
}

const std::vector<AxisSample>& ScoreRows::samples(std::int64_t input, std::int64_t output) {
  const auto [found, fresh] = stretches_.try_emplace({input, output});
  if (fresh) found->second = axis_samples(input, output);
  return found->second;
}

}  // namespace tagalign::model
