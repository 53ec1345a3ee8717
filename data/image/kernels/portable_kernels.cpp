#include "data/image/kernels/pixel_kernels.h"
#include "data/image/kernels/pixel_loops.h"

namespace tagalign::data {
namespace {

void resample_row_across(const ResampleWeights& weights, const std::uint8_t* in,
                         std::uint8_t* out) {
  for (std::size_t o = 0; o < weights.outputs(); ++o) {
    const std::int16_t* parts = weights.of(o);
    const std::uint8_t* source = in + weights.first[o] * 3;
    std::array<std::int32_t, 3> sum;
    sum.fill(1 << (kWeightBits - 1));
    for (std::size_t t = 0; t < weights.groups * kGroupTaps; ++t) {
      const std::int32_t weight = loops::weight_of(parts, t);
      for (std::size_t c = 0; c < 3; ++c) sum[c] += source[t * 3 + c] * weight;
    }
    for (std::size_t c = 0; c < 3; ++c) out[o * 3 + c] = loops::weighted_byte(sum[c]);
  }
}

void resample_across(const ResampleWeights& weights, const RowBlock& rows) {
  for (std::size_t i = 0; i < kBlockRows; ++i) {
    if (i == 0 || rows.out[i] != rows.out[i - 1])
      resample_row_across(weights, rows.in[i], rows.out[i]);
  }
}

void resample_down(const std::int16_t* parts, std::size_t groups, const std::uint8_t* const* rows,
                   std::size_t bytes, std::uint8_t* out) {
  loops::resample_down(parts, groups, rows, 0, bytes, out);
}

void affine_row(const Image& image, const AffineMatrix& matrix, const FillColor& fill, int y,
                std::uint8_t* out) {
  for (int x = 0; x < image.width; ++x, out += 3)
    loops::sample_bilinear(image, loops::source_of(matrix, x, y), fill, out);
}

void blend(const std::uint8_t* from, const std::uint8_t* to, float alpha, std::size_t bytes,
           std::uint8_t* out) {
  loops::blend(from, to, alpha, bytes, out);
}

void smooth(const std::uint8_t* row, std::size_t stride, std::size_t bytes, std::uint8_t* out) {
  loops::smooth(row, stride, bytes, out);
}

}  // namespace

const PixelKernels& portable_kernels() {
  static constexpr PixelKernels kKernels{resample_across, resample_down, affine_row, blend, smooth};
  return kKernels;
}

const PixelKernels& pixel_kernels() {
  static const PixelKernels& kernels =
      avx2_kernels() != nullptr ? *avx2_kernels() : portable_kernels();
  return kernels;
}

}  // namespace tagalign::data
