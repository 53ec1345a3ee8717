#include "model/inference/dense/score_stripes.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <optional>

namespace tagalign::model {
namespace {

constexpr std::int64_t kStripeFloats = 1 << 20;

std::int64_t rows_in_stripe(std::int64_t padded, std::int64_t width) {
  return std::max<std::int64_t>(1, kStripeFloats / (padded * width));
}

/// Row `y` of `rows` and the following ones: [rows, W, c].
template <class Rows>
at::Tensor blended(Rows& rows, std::int64_t padded, const ImageSize& size, std::int64_t y,
                   std::int64_t count) {
  at::Tensor all = at::empty({count, size.width, padded}, at::kFloat);
  float* pixel = all.mutable_data_ptr<float>();
  for (std::int64_t row = y; row < y + count; ++row) {
    const RowPair pair = rows.row(row);
    for (std::int64_t x = 0; x < size.width; ++x, pixel += padded)
      blend_pixel(pair, static_cast<std::size_t>(x), pixel);
  }
  return all;
}

/// [rows, W, c] → [count, rows, W], from channel `first` on.
at::Tensor channels_outside(const at::Tensor& pixels, std::int64_t first, std::int64_t count) {
  return pixels.narrow(2, first, count).permute({2, 0, 1}).contiguous();
}

}  // namespace

void each_stripe(std::span<const PlacedMap> windows, const DenseSizes& sizes,
                 std::span<const double> backgrounds, const StripeVisitor& visit) {
  const PlacedGrids grids(windows);
  const ImageSize& size = sizes.original;
  ScoreRows rows = grids.rows(sizes);
  std::optional<ConstantRows> constants;
  if (!backgrounds.empty()) constants.emplace(windows, sizes, backgrounds);
  const std::int64_t padded = padded_channels(grids.channels());
  const std::int64_t step = rows_in_stripe(padded, size.width);
  for (std::int64_t y = 0; y < size.height; y += step) {
    const std::int64_t count = std::min(step, size.height - y);
    ScoreStripe stripe{.first = y, .scores = {}, .constants = {}};
    stripe.scores = channels_outside(blended(rows, padded, size, y, count), 0, grids.channels());
    if (constants) {
      const at::Tensor all = blended(*constants, constants->padded(), size, y, count);
      for (std::int64_t i = 0; i < std::ssize(backgrounds); ++i)
        stripe.constants.push_back(channels_outside(all, i, 1));
    }
    visit(stripe);
  }
}

std::uint64_t stripe_bytes(std::int64_t channels, const DenseSizes& sizes) {
  constexpr std::int64_t kCopies = 5;  // of a stripe: pixels, scores, and what is made of them
  constexpr std::int64_t kRows = 3;
  const std::int64_t padded = padded_channels(channels);
  const std::int64_t stripe = rows_in_stripe(padded, sizes.original.width) * sizes.original.width;
  return sizeof(float) *
         static_cast<std::uint64_t>(padded * (kCopies * stripe + kRows * sizes.slid.width));
}

}  // namespace tagalign::model
