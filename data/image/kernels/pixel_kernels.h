/// The inner loops of resizing and augmenting, for the processor that runs them.
///
/// Every set gives the same bytes. portable_kernels() is plain C++; avx2_kernels() is compiled for
/// AVX2, whatever the rest of the program is compiled for, and taken at run time where it can run.
/// Pixels are RGB, interleaved, 8 bits a channel. Nothing allocates; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/image/pillow.h"

namespace tagalign::data {

/// Fraction bits of Pillow's weights for images of 8 bits a channel.
inline constexpr int kWeightBits = 32 - 8 - 2;
/// A weight is high · 2^11 + low, so that both parts fit the 16 bits which processors multiply in
/// numbers; the sum over both is the sum over the weights, to the last bit.
inline constexpr int kLowBits = 11;
inline constexpr std::size_t kGroupTaps = 4;
inline constexpr std::size_t kGroupParts = 2 * kGroupTaps;

/// The input samples behind each output sample of one axis, and their weights: groups of four taps,
/// zero behind the last.
struct ResampleWeights {
  std::size_t groups = 0;           ///< of every output sample
  std::vector<std::size_t> first;   // [out], the first input sample
  std::vector<std::int16_t> parts;  // [out, groups, 8]: four high parts, their four low parts

  std::size_t outputs() const { return first.size(); }
  const std::int16_t* of(std::size_t output) const { return &parts[output * groups * kGroupParts]; }
};

inline constexpr std::size_t kBlockRows = 4;
/// Rows that are resampled at a time; some may be the same.
struct RowBlock {
  std::array<const std::uint8_t*, kBlockRows> in;
  std::array<std::uint8_t*, kBlockRows> out;
};
/// Bytes that resample_across() may read behind the last tap, and write behind the last pixel.
inline constexpr std::size_t kReadBehind = 4;
inline constexpr std::size_t kWriteBehind = 1;

struct PixelKernels {
  /// Resamples rows along x. Reads all four taps of each group, zero weights included.
  void (*resample_across)(const ResampleWeights& weights, const RowBlock& rows);
  /// One output row of `bytes` from 4 · `groups` rows, weighted by `parts`.
  void (*resample_down)(const std::int16_t* parts, std::size_t groups,
                        const std::uint8_t* const* rows, std::size_t bytes, std::uint8_t* out);
  /// Row `y` of transform_affine().
  void (*affine_row)(const Image& image, const AffineMatrix& matrix, const FillColor& fill, int y,
                     std::uint8_t* out);
  /// out = from + alpha · (to − from) in float32, bounded and cut to whole numbers.
  void (*blend)(const std::uint8_t* from, const std::uint8_t* to, float alpha, std::size_t bytes,
                std::uint8_t* out);
  /// `bytes` of ImageFilter.SMOOTH's inner pixels: `row` is the first of them, its neighbours above
  /// and below are `stride` bytes away.
  void (*smooth)(const std::uint8_t* row, std::size_t stride, std::size_t bytes, std::uint8_t* out);
};

const PixelKernels& portable_kernels();
/// Null where the processor has no AVX2, or is no x86-64.
const PixelKernels* avx2_kernels();
/// The fastest that can run here.
const PixelKernels& pixel_kernels();

}  // namespace tagalign::data
