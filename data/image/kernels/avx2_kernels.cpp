// Compiled like every file, for any x86-64: only the functions marked TA_AVX2 may hold other
// instructions, and nothing that they share with other files is compiled with them.
#include "data/image/kernels/pixel_kernels.h"

#ifdef __x86_64__

#include <immintrin.h>

#include <cstring>
#include <limits>

#include "data/image/kernels/pixel_loops.h"

#define TA_AVX2 [[gnu::target("avx2")]]
#define TA_AVX2_PART [[gnu::target("avx2"), gnu::always_inline]] inline

namespace tagalign::data {
namespace {

TA_AVX2_PART __m128i load_16(const std::uint8_t* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}
TA_AVX2_PART __m256i load_32(const std::uint8_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}
TA_AVX2_PART std::int32_t load_int(const void* from) {
  std::int32_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
TA_AVX2_PART std::int64_t load_long(const void* from) {
  std::int64_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// What both parts of the weights gave, as one fixed-point pixel value a lane.
TA_AVX2_PART __m256i join(__m256i high, __m256i low) {
  return _mm256_add_epi32(_mm256_slli_epi32(high, kLowBits), low);
}
TA_AVX2_PART __m256i round_weighted(__m256i sum) {
  const __m256i half = _mm256_set1_epi32(1 << (kWeightBits - 1));
  return _mm256_srai_epi32(_mm256_add_epi32(sum, half), kWeightBits);
}

// ------------------------------------------------------------------------------------ resampling

/// Sums of one row's red, green and blue: the lower half of the vectors holds taps 0 and 1 of each
/// group, the upper half taps 2 and 3.
struct RowSums {
  __m256i high, low;
};

TA_AVX2_PART void add_group(RowSums& sums, const std::uint8_t* pixels, __m256i high, __m256i low) {
  constexpr char z = -1;
  const __m256i pairs = _mm256_setr_epi8(0, z, 3, z, 1, z, 4, z, 2, z, 5, z, z, z, z, z,  //
                                         6, z, 9, z, 7, z, 10, z, 8, z, 11, z, z, z, z, z);
  const __m256i taps = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(load_16(pixels)), pairs);
  sums.high = _mm256_add_epi32(sums.high, _mm256_madd_epi16(taps, high));
  sums.low = _mm256_add_epi32(sums.low, _mm256_madd_epi16(taps, low));
}

/// Two rows' sums → their pixels, one a half.
TA_AVX2_PART __m256i finish_rows(const RowSums& first, const RowSums& second) {
  const __m256i a = join(first.high, first.low);
  const __m256i b = join(second.high, second.low);
  return round_weighted(_mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20),
                                         _mm256_permute2x128_si256(a, b, 0x31)));
}

TA_AVX2_PART void store_pixel(std::uint8_t* out, int rgb) {
  std::memcpy(out, &rgb, sizeof rgb);  // a byte too many: the next pixel's, or kWriteBehind
}

/// Output pixel `o` of four rows.
TA_AVX2_PART void across_pixel(const ResampleWeights& weights, std::size_t o,
                               const RowBlock& rows) {
  RowSums sums[kBlockRows];
  for (RowSums& row : sums) row = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  const __m256i spread = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
  const std::int16_t* parts = weights.of(o);
  std::size_t at = weights.first[o] * 3;
  for (std::size_t g = 0; g < weights.groups; ++g, parts += kGroupParts, at += 3 * kGroupTaps) {
    const __m256i high = _mm256_permutevar8x32_epi32(_mm256_set1_epi64x(load_long(parts)), spread);
    const __m256i low =
        _mm256_permutevar8x32_epi32(_mm256_set1_epi64x(load_long(parts + kGroupTaps)), spread);
    for (std::size_t i = 0; i < kBlockRows; ++i) add_group(sums[i], rows.in[i] + at, high, low);
  }
  const __m256i words =
      _mm256_packs_epi32(finish_rows(sums[0], sums[1]), finish_rows(sums[2], sums[3]));
  const __m256i bytes = _mm256_packus_epi16(words, words);  // rows 0 and 2, rows 1 and 3
  const __m128i even = _mm256_castsi256_si128(bytes);
  const __m128i odd = _mm256_extracti128_si256(bytes, 1);
  store_pixel(rows.out[0] + o * 3, _mm_cvtsi128_si32(even));
  store_pixel(rows.out[1] + o * 3, _mm_cvtsi128_si32(odd));
  store_pixel(rows.out[2] + o * 3, _mm_extract_epi32(even, 1));
  store_pixel(rows.out[3] + o * 3, _mm_extract_epi32(odd, 1));
}

TA_AVX2 void resample_across(const ResampleWeights& weights, const RowBlock& rows) {
  for (std::size_t o = 0; o < weights.outputs(); ++o) across_pixel(weights, o, rows);
}

/// Sums of 32 columns: four vectors of eight, in the order in which unpacking leaves them.
struct ColumnSums {
  __m256i high[4], low[4];
};

TA_AVX2_PART void add_rows(ColumnSums& sums, __m256i a, __m256i b, __m256i high, __m256i low) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i a0 = _mm256_unpacklo_epi8(a, zero), a1 = _mm256_unpackhi_epi8(a, zero);
  const __m256i b0 = _mm256_unpacklo_epi8(b, zero), b1 = _mm256_unpackhi_epi8(b, zero);
  const __m256i pairs[4] = {_mm256_unpacklo_epi16(a0, b0), _mm256_unpackhi_epi16(a0, b0),
                            _mm256_unpacklo_epi16(a1, b1), _mm256_unpackhi_epi16(a1, b1)};
  for (int i = 0; i < 4; ++i) {
    sums.high[i] = _mm256_add_epi32(sums.high[i], _mm256_madd_epi16(pairs[i], high));
    sums.low[i] = _mm256_add_epi32(sums.low[i], _mm256_madd_epi16(pairs[i], low));
  }
}

TA_AVX2_PART void down_columns(const std::int16_t* parts, std::size_t groups,
                               const std::uint8_t* const* rows, std::size_t at, std::uint8_t* out) {
  ColumnSums sums;
  for (int i = 0; i < 4; ++i) sums.high[i] = sums.low[i] = _mm256_setzero_si256();
  for (std::size_t g = 0; g < groups; ++g, parts += kGroupParts, rows += kGroupTaps) {
    for (std::size_t pair = 0; pair < kGroupTaps; pair += 2) {
      add_rows(sums, load_32(rows[pair] + at), load_32(rows[pair + 1] + at),
               _mm256_set1_epi32(load_int(parts + pair)),
               _mm256_set1_epi32(load_int(parts + kGroupTaps + pair)));
    }
  }
  __m256i values[4];
  for (int i = 0; i < 4; ++i) values[i] = round_weighted(join(sums.high[i], sums.low[i]));
  const __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(values[0], values[1]),
                                            _mm256_packs_epi32(values[2], values[3]));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + at), bytes);
}

TA_AVX2 void resample_down(const std::int16_t* parts, std::size_t groups,
                           const std::uint8_t* const* rows, std::size_t bytes, std::uint8_t* out) {
  std::size_t at = 0;
  for (; at + 32 <= bytes; at += 32) down_columns(parts, groups, rows, at, out);
  if (at < bytes && bytes >= 32)
    down_columns(parts, groups, rows, bytes - 32, out);
  else
    loops::resample_down(parts, groups, rows, at, bytes, out);
}

// ----------------------------------------------------------------------------- affine transforms

/// Four neighbouring output pixels of an affine transform.
struct Quad {
  __m256d part_x, part_y;  ///< how far they lie behind the upper left of their four input pixels
  __m128i offset;          ///< of that pixel, in bytes
};

/// Positions of the pixels x … x + 3 in one axis of the input, from their share of the other.
TA_AVX2_PART __m256d source_axis(double by_x, double other, double shift, int x) {
  const __m256d centers = _mm256_add_pd(_mm256_set1_pd(x), _mm256_setr_pd(0.5, 1.5, 2.5, 3.5));
  return _mm256_add_pd(
      _mm256_add_pd(_mm256_mul_pd(_mm256_set1_pd(by_x), centers), _mm256_set1_pd(other)),
      _mm256_set1_pd(shift));
}

/// False unless the four input pixels of each output pixel lie within the image, and two bytes more.
TA_AVX2_PART bool find_quad(const Image& image, __m256d source_x, __m256d source_y, Quad& quad) {
  const __m256d half = _mm256_set1_pd(0.5);
  const __m256d x = _mm256_sub_pd(source_x, half), y = _mm256_sub_pd(source_y, half);
  const __m256d column = _mm256_floor_pd(x), line = _mm256_floor_pd(y);
  const __m256d zero = _mm256_setzero_pd();
  const __m256d inside = _mm256_and_pd(
      _mm256_and_pd(_mm256_cmp_pd(column, zero, _CMP_GE_OQ),
                    _mm256_cmp_pd(column, _mm256_set1_pd(image.width - 3), _CMP_LE_OQ)),
      _mm256_and_pd(_mm256_cmp_pd(line, zero, _CMP_GE_OQ),
                    _mm256_cmp_pd(line, _mm256_set1_pd(image.height - 2), _CMP_LE_OQ)));
  if (_mm256_movemask_pd(inside) != 0xf) return false;
  quad.part_x = _mm256_sub_pd(x, column);
  quad.part_y = _mm256_sub_pd(y, line);
  const __m128i rows = _mm_mullo_epi32(_mm256_cvttpd_epi32(line), _mm_set1_epi32(image.width));
  quad.offset =
      _mm_mullo_epi32(_mm_add_epi32(rows, _mm256_cvttpd_epi32(column)), _mm_set1_epi32(3));
  return true;
}

/// Of each of four places a pixel and the one to its right: 48 bits a lane.
TA_AVX2_PART __m256i load_pairs(const std::uint8_t* pixels, __m128i offset) {
  return _mm256_setr_epi64x(load_long(pixels + _mm_extract_epi32(offset, 0)),
                            load_long(pixels + _mm_extract_epi32(offset, 1)),
                            load_long(pixels + _mm_extract_epi32(offset, 2)),
                            load_long(pixels + _mm_extract_epi32(offset, 3)));
}

/// Byte `index` of each lane as a number: its bits stand behind those of 2^52.
TA_AVX2_PART __m256d byte_of(__m256i lanes, int index) {
  const __m256i exponent = _mm256_castpd_si256(_mm256_set1_pd(0x1p52));
  const __m256i byte =
      _mm256_and_si256(_mm256_srli_epi64(lanes, 8 * index), _mm256_set1_epi64x(255));
  return _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(byte, exponent)),
                       _mm256_set1_pd(0x1p52));
}

TA_AVX2_PART __m256d between(__m256d from, __m256d to, __m256d part) {
  return _mm256_add_pd(from, _mm256_mul_pd(_mm256_sub_pd(to, from), part));
}

TA_AVX2_PART void sample_quad(const Image& image, const Quad& quad, std::uint8_t* out) {
  const __m256i above = load_pairs(image.pixels.data(), quad.offset);
  const __m256i below =
      load_pairs(image.pixels.data() + static_cast<std::size_t>(image.width) * 3, quad.offset);
  __m128i rgb = _mm_setzero_si128();
  for (int c = 0; c < 3; ++c) {
    const __m256d upper = between(byte_of(above, c), byte_of(above, c + 3), quad.part_x);
    const __m256d lower = between(byte_of(below, c), byte_of(below, c + 3), quad.part_x);
    const __m128i value = _mm256_cvttpd_epi32(between(upper, lower, quad.part_y));
    rgb = _mm_or_si128(rgb, _mm_slli_epi32(value, 8 * c));
  }
  constexpr char z = -1;
  rgb = _mm_shuffle_epi8(rgb, _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, z, z, z, z));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out), rgb);
  const int last = _mm_extract_epi32(rgb, 2);
  std::memcpy(out + 8, &last, sizeof last);
}

TA_AVX2 void affine_row(const Image& image, const AffineMatrix& m, const FillColor& fill, int y,
                        std::uint8_t* out) {
  const double center_y = y + 0.5;
  int x = 0;
  if (image.pixels.size() <= std::numeric_limits<std::int32_t>::max()) {
    for (; x + 4 <= image.width; x += 4, out += 12) {
      Quad quad;
      const __m256d source_x = source_axis(m.a, m.b * center_y, m.c, x);
      const __m256d source_y = source_axis(m.d, m.e * center_y, m.f, x);
      if (find_quad(image, source_x, source_y, quad)) {
        sample_quad(image, quad, out);
        continue;
      }
      for (int i = 0; i < 4; ++i)
        loops::sample_bilinear(image, loops::source_of(m, x + i, y), fill, out + i * 3);
    }
  }
  for (; x < image.width; ++x, out += 3)
    loops::sample_bilinear(image, loops::source_of(m, x, y), fill, out);
}

TA_AVX2 void blend(const std::uint8_t* from, const std::uint8_t* to, float alpha, std::size_t bytes,
                   std::uint8_t* out) {
  loops::blend(from, to, alpha, bytes, out);
}

TA_AVX2 void smooth(const std::uint8_t* row, std::size_t stride, std::size_t bytes,
                    std::uint8_t* out) {
  loops::smooth(row, stride, bytes, out);
}

}  // namespace

const PixelKernels* avx2_kernels() {
  static constexpr PixelKernels kKernels{resample_across, resample_down, affine_row, blend, smooth};
  static const bool can_run = __builtin_cpu_supports("avx2") != 0;
  return can_run ? &kKernels : nullptr;
}

}  // namespace tagalign::data

#else

namespace tagalign::data {

const PixelKernels* avx2_kernels() {
  return nullptr;
}

}  // namespace tagalign::data

#endif
