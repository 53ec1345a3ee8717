/// Vector kernels for class scores of one row of pixels, channels innermost. Free of Torch.
///
/// Axes: x pixels of a row, c channels, padded to kChannelPad by values that win nowhere.
/// Arithmetic: that of LibTorch 2.11's upsample_bilinear2d, found by experiment on a CPU with AVX-512:
/// every multiply-add rounds once, in these orders. dense_labels_test compares the bits, and would
/// fail on a CPU or with a LibTorch where they differ. Threads: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tagalign::model {

/// Floats; a multiple of any vector's length.
inline constexpr std::int64_t kChannelPad = 16;
/// What padded channels hold: finite, so that weights of zero keep it harmless.
inline constexpr float kNoScore = -1e30F;

/// Where one output pixel samples an axis: near · input[first] + far · input[second].
struct AxisSample {
  std::int32_t first = 0, second = 0;
  float near = 1, far = 0;
};
/// Bilinear, align_corners false: [output].
std::vector<AxisSample> axis_samples(std::int64_t input, std::int64_t output);

/// In which order four products are added up.
struct BlendOrder {
  bool nested = true;  ///< columns first, then rows; else products of both weights
  /// Not nested: channels below it are added in another order than the rest.
  std::int64_t vectors = 0;
};
/// The order in which upsample_bilinear2d adds, for [1, channels, h, w] → [1, channels, height, width].
/// `last`: the map's channels are innermost.
BlendOrder blend_order(std::int64_t channels, std::int64_t height, std::int64_t width, bool last);

/// Two rows of a grid, blended: `upper` and `lower` [columns of the grid, padded].
struct RowPair {
  const float* upper = nullptr;
  const float* lower = nullptr;
  float near = 1, far = 0;              ///< weights of upper and lower
  std::span<const AxisSample> columns;  ///< of each pixel
  std::int64_t padded = 0;              ///< c
  BlendOrder order;
};

/// sums [x, c] += blended pixels.
void add_blended(const RowPair& rows, float* sums);

/// values [x, c] /= divisors[x].
void divide_pixels(std::span<const float> divisors, std::int64_t padded, float* values);

/// What find_peaks() tells of each pixel: [x].
struct PixelPeak {
  float best = 0;            ///< highest score
  std::int32_t channel = 0;  ///< the first that has it
  bool numbers = false;      ///< all scores are; else nothing else is said
  bool alone = false;        ///< no other channel comes within `margin`, or that is negative
};
/// `highest` [c] or null: raised to each channel's highest score.
void find_peaks(const RowPair& rows, float margin, std::span<PixelPeak> peaks, float* highest);

/// All scores of pixel `x`: [c].
void blend_pixel(const RowPair& rows, std::size_t x, float* scores);

}  // namespace tagalign::model
