#include "base/random_vectors.h"

#ifdef __x86_64__

#include <immintrin.h>

#include <numbers>

// Only functions marked so hold instructions that not every x86-64 processor has.
#define TA_AVX2 [[gnu::target("avx2")]]
#define TA_AVX2_PART [[gnu::target("avx2"), gnu::always_inline]] inline

namespace tagalign::random_vectors {
namespace {

// --------------------------------------------------------------------------------------- Philox

/// One word of four blocks: a lane of 64 bits each, the upper half zero.
struct Words {
  __m256i word[4];
};

TA_AVX2_PART __m256i upper_half(__m256i value) {
  return _mm256_srli_epi64(value, 32);
}
TA_AVX2_PART __m256i lower_half(__m256i value) {
  return _mm256_and_si256(value, _mm256_set1_epi64x(0xffffffff));
}

TA_AVX2_PART __m256i mix(__m256i product, __m256i word, std::uint32_t key) {
  return _mm256_xor_si256(_mm256_xor_si256(upper_half(product), word), _mm256_set1_epi64x(key));
}

TA_AVX2_PART Words philox_round(const Words& c, std::uint32_t key0, std::uint32_t key1) {
  const __m256i p0 = _mm256_mul_epu32(c.word[0], _mm256_set1_epi64x(0xD2511F53));
  const __m256i p1 = _mm256_mul_epu32(c.word[2], _mm256_set1_epi64x(0xCD9E8D57));
  return {{mix(p1, c.word[1], key0), lower_half(p1), mix(p0, c.word[3], key1), lower_half(p0)}};
}

// ------------------------------------------------------------------------- logarithm, sine, cosine

TA_AVX2_PART __m256d all(double value) {
  return _mm256_set1_pd(value);
}
TA_AVX2_PART __m256d times_plus(__m256d a, __m256d b, double c) {
  return _mm256_add_pd(_mm256_mul_pd(a, b), all(c));
}

/// Whole numbers of up to 51 bits as doubles: their bits stand behind those of 2^52.
TA_AVX2_PART __m256d to_double(__m256i value) {
  const __m256i exponent = _mm256_castpd_si256(all(0x1p52));
  return _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(value, exponent)), all(0x1p52));
}

/// uniform() of a draw: 53 bits, exactly.
TA_AVX2_PART __m256d to_uniform(__m256i draw) {
  const __m256i bits = _mm256_srli_epi64(draw, 11);
  const __m256d high = to_double(_mm256_srli_epi64(bits, 32));
  const __m256d low = to_double(lower_half(bits));
  return _mm256_mul_pd(_mm256_add_pd(_mm256_mul_pd(high, all(0x1p32)), low), all(0x1p-53));
}

/// log(m), m near 1: 2 · artanh(s), s = (m − 1) / (m + 1), of which |s| ≤ 0.172.
TA_AVX2_PART __m256d log_near_one(__m256d m) {
  const __m256d s = _mm256_div_pd(_mm256_sub_pd(m, all(1)), _mm256_add_pd(m, all(1)));
  const __m256d z = _mm256_mul_pd(s, s);
  __m256d sum = all(1.0 / 23);
  for (int n = 21; n > 0; n -= 2) sum = times_plus(sum, z, 1.0 / n);
  return _mm256_mul_pd(_mm256_mul_pd(all(2), s), sum);
}

/// log(x), x normal and above 0.
TA_AVX2_PART __m256d log_of(__m256d x) {
  const __m256i bits = _mm256_castpd_si256(x);
  const __m256i fraction = _mm256_and_si256(bits, _mm256_set1_epi64x(0xfffffffffffff));
  __m256d m = _mm256_castsi256_pd(_mm256_or_si256(fraction, _mm256_castpd_si256(all(1))));
  __m256d exponent = _mm256_sub_pd(to_double(_mm256_srli_epi64(bits, 52)), all(1023));
  const __m256d large = _mm256_cmp_pd(m, all(std::numbers::sqrt2), _CMP_GT_OQ);
  m = _mm256_blendv_pd(m, _mm256_mul_pd(m, all(0.5)), large);
  exponent = _mm256_add_pd(exponent, _mm256_and_pd(large, all(1)));
  return _mm256_add_pd(_mm256_mul_pd(exponent, all(std::numbers::ln2)), log_near_one(m));
}

struct Circle {
  __m256d cosine, sine;
};

/// Taylor's series for |y| ≤ π/4.
TA_AVX2_PART Circle small_circle(__m256d y) {
  const __m256d z = _mm256_mul_pd(y, y);
  __m256d cosine = all(1), sine = all(1);
  for (int n = 16; n > 0; n -= 2)
    cosine = times_plus(_mm256_mul_pd(cosine, z), all(-1.0 / (n * (n - 1))), 1);
  for (int n = 17; n > 1; n -= 2)
    sine = times_plus(_mm256_mul_pd(sine, z), all(-1.0 / (n * (n - 1))), 1);
  return {cosine, _mm256_mul_pd(sine, y)};
}

/// Angles of 0 … 2π: the nearest quarter turn is taken off, then the results change places and signs.
TA_AVX2_PART Circle circle_of(__m256d angle) {
  constexpr double kQuarter = std::numbers::pi / 2, kRest = 6.123233995736766e-17;
  const __m256d turns = _mm256_round_pd(_mm256_mul_pd(angle, all(1 / kQuarter)),
                                        _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m256d y = _mm256_sub_pd(_mm256_sub_pd(angle, _mm256_mul_pd(turns, all(kQuarter))),
                                  _mm256_mul_pd(turns, all(kRest)));
  const Circle small = small_circle(y);
  const __m256i quarter = _mm256_castpd_si256(_mm256_add_pd(turns, all(0x1p52)));
  const __m256d odd = _mm256_castsi256_pd(_mm256_slli_epi64(quarter, 63));
  const __m256i one = _mm256_set1_epi64x(1), two = _mm256_set1_epi64x(2);
  const __m256i left = _mm256_and_si256(_mm256_add_epi64(quarter, one), two);
  const __m256i lower = _mm256_and_si256(quarter, two);
  return {_mm256_xor_pd(_mm256_blendv_pd(small.cosine, small.sine, odd),
                        _mm256_castsi256_pd(_mm256_slli_epi64(left, 62))),
          _mm256_xor_pd(_mm256_blendv_pd(small.sine, small.cosine, odd),
                        _mm256_castsi256_pd(_mm256_slli_epi64(lower, 62)))};
}

/// Both this file's values and the library's lie within this share of the radius of the true ones,
/// with a factor of hundreds to spare.
constexpr double kError = 0x1p-42;

/// A value that rounds to one float, wherever in its error's reach it lies.
TA_AVX2_PART bool round_surely(__m256d value, __m256d error, __m128& rounded) {
  rounded = _mm256_cvtpd_ps(_mm256_sub_pd(value, error));
  const __m128 upper = _mm256_cvtpd_ps(_mm256_add_pd(value, error));
  return _mm_movemask_ps(_mm_cmpeq_ps(rounded, upper)) == 0xf;
}

TA_AVX2 bool make_normals_avx2(const std::uint64_t* draws, float* out) {
  const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(draws));
  const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(draws + kLanes));
  // Pairs 0, 2, 1, 3: each half of a register is unpacked by itself.
  const __m256d first = to_uniform(_mm256_unpacklo_epi64(a, b));
  const __m256d second = to_uniform(_mm256_unpackhi_epi64(a, b));
  const __m256d radius =
      _mm256_sqrt_pd(_mm256_mul_pd(all(-2), log_of(_mm256_sub_pd(all(1), first))));
  const Circle circle = circle_of(_mm256_mul_pd(all(2.0 * std::numbers::pi), second));
  const __m256d error = _mm256_mul_pd(radius, all(kError));
  __m128 cosines, sines;
  const bool sure = round_surely(_mm256_mul_pd(radius, circle.cosine), error, cosines);
  const bool both = round_surely(_mm256_mul_pd(radius, circle.sine), error, sines) && sure;
  const __m128 even = _mm_unpacklo_ps(cosines, sines);  // pairs 0 and 2
  const __m128 odd = _mm_unpackhi_ps(cosines, sines);   // pairs 1 and 3
  _mm_storeu_ps(out, _mm_movelh_ps(even, odd));
  _mm_storeu_ps(out + kLanes, _mm_movehl_ps(odd, even));
  const int some = _mm256_movemask_pd(_mm256_cmp_pd(radius, _mm256_setzero_pd(), _CMP_GT_OQ));
  return both && some == 0xf;  // the sign of a zero is the library's to say
}

TA_AVX2 void draw_blocks_avx2(const std::array<std::uint32_t, 4>& counter,
                              const std::array<std::uint32_t, 2>& key, std::uint64_t* draws) {
  Words c;
  for (std::size_t i = 0; i < 4; ++i) c.word[i] = _mm256_set1_epi64x(counter[i]);
  c.word[0] = _mm256_add_epi64(c.word[0], _mm256_setr_epi64x(0, 1, 2, 3));
  std::uint32_t key0 = key[0], key1 = key[1];
  for (int round = 0; round < 10; ++round, key0 += 0x9E3779B9u, key1 += 0xBB67AE85u)
    c = philox_round(c, key0, key1);
  const __m256i first = _mm256_or_si256(_mm256_slli_epi64(c.word[0], 32), c.word[1]);
  const __m256i second = _mm256_or_si256(_mm256_slli_epi64(c.word[2], 32), c.word[3]);
  const __m256i low = _mm256_unpacklo_epi64(first, second);   // blocks 0 and 2
  const __m256i high = _mm256_unpackhi_epi64(first, second);  // blocks 1 and 3
  auto* out = reinterpret_cast<__m256i*>(draws);
  _mm256_storeu_si256(out, _mm256_permute2x128_si256(low, high, 0x20));
  _mm256_storeu_si256(out + 1, _mm256_permute2x128_si256(low, high, 0x31));
}

}  // namespace

bool can_run() {
  static const bool avx2 = __builtin_cpu_supports("avx2") != 0;
  return avx2;
}

void draw_blocks(const std::array<std::uint32_t, 4>& counter,
                 const std::array<std::uint32_t, 2>& key, std::uint64_t* draws) {
  draw_blocks_avx2(counter, key, draws);
}

bool make_normals(const std::uint64_t* draws, float* out) {
  return make_normals_avx2(draws, out);
}

}  // namespace tagalign::random_vectors

#else

#include "base/status.h"

namespace tagalign::random_vectors {

bool can_run() {
  return false;
}

void draw_blocks(const std::array<std::uint32_t, 4>&, const std::array<std::uint32_t, 2>&,
                 std::uint64_t*) {
  TA_CHECK(false, "vectors on a processor without them");
}

bool make_normals(const std::uint64_t*, float*) {
  return false;
}

}  // namespace tagalign::random_vectors

#endif
