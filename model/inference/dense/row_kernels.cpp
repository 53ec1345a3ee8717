#include "model/inference/dense/row_kernels.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "model/inference/dense/row_kernels.cpp"
#include <hwy/foreach_target.h>  // compiles this file once for each instruction set

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tagalign::model::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, kChannelPad>;
using Vector = hn::Vec<Floats>;

/// One pixel's four neighbours and their weights.
struct Neighbours {
  const float *a, *b, *c, *d;  // upper first and second, lower first and second
};

HWY_INLINE Neighbours neighbours(const RowPair& rows, const AxisSample& column) {
  const std::int64_t first = column.first * rows.padded, second = column.second * rows.padded;
  return {rows.upper + first, rows.upper + second, rows.lower + first, rows.lower + second};
}

HWY_INLINE Vector nested(const RowPair& rows, const AxisSample& column, const Neighbours& at,
                         std::int64_t c) {
  const Floats f;
  const Vector near = hn::Set(f, column.near), far = hn::Set(f, column.far);
  const Vector upper =
      hn::MulAdd(hn::LoadU(f, at.a + c), near, hn::Mul(hn::LoadU(f, at.b + c), far));
  const Vector lower =
      hn::MulAdd(hn::LoadU(f, at.c + c), near, hn::Mul(hn::LoadU(f, at.d + c), far));
  return hn::MulAdd(upper, hn::Set(f, rows.near), hn::Mul(lower, hn::Set(f, rows.far)));
}

/// A neighbour and the product of its two weights.
struct Term {
  const float* scores;
  float weight;
};

/// The terms in this order, the first as a product, each further one by a multiply-add.
HWY_INLINE Vector chain(std::int64_t c, Term first, Term second, Term third, Term fourth) {
  const Floats f;
  Vector sum = hn::Mul(hn::LoadU(f, first.scores + c), hn::Set(f, first.weight));
  sum = hn::MulAdd(hn::LoadU(f, second.scores + c), hn::Set(f, second.weight), sum);
  sum = hn::MulAdd(hn::LoadU(f, third.scores + c), hn::Set(f, third.weight), sum);
  return hn::MulAdd(hn::LoadU(f, fourth.scores + c), hn::Set(f, fourth.weight), sum);
}

/// Of one pixel: blends any of its channels.
class Blend {
 public:
  HWY_INLINE Blend(const RowPair& rows, const AxisSample& column)
      : rows_(rows),
        column_(column),
        at_(neighbours(rows, column)),
        a_{at_.a, rows.near * column.near},
        b_{at_.b, rows.near * column.far},
        c_{at_.c, rows.far * column.near},
        d_{at_.d, rows.far * column.far} {}
  HWY_INLINE Vector at(std::int64_t c) const {
    if (rows_.order.nested) return nested(rows_, column_, at_, c);
    const Floats f;
    const std::int64_t left = rows_.order.vectors - c;
    if (left <= 0) return chain(c, b_, a_, c_, d_);
    const Vector in_vectors = chain(c, c_, d_, b_, a_);
    if (left >= static_cast<std::int64_t>(hn::Lanes(f))) return in_vectors;
    return hn::IfThenElse(hn::FirstN(f, static_cast<std::size_t>(left)), in_vectors,
                          chain(c, b_, a_, c_, d_));
  }

 private:
  const RowPair& rows_;
  const AxisSample& column_;
  Neighbours at_;
  Term a_, b_, c_, d_;
};

void add_blended(const RowPair& rows, float* sums) {
  const Floats f;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(f));
  for (const AxisSample& column : rows.columns) {
    const Blend blend(rows, column);
    for (std::int64_t c = 0; c < rows.padded; c += lanes)
      hn::StoreU(hn::Add(hn::LoadU(f, sums + c), blend.at(c)), f, sums + c);
    sums += rows.padded;
  }
}

void divide_pixels(std::span<const float> divisors, std::int64_t padded, float* values) {
  const Floats f;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(f));
  for (const float divisor : divisors) {
    if (divisor != 1) {
      for (std::int64_t c = 0; c < padded; c += lanes)
        hn::StoreU(hn::Div(hn::LoadU(f, values + c), hn::Set(f, divisor)), f, values + c);
    }
    values += padded;
  }
}

/// The first channel whose score is `best`.
HWY_INLINE std::int32_t first_with(const float* scores, Vector best) {
  const Floats f;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(f));
  for (std::int64_t c = 0;; c += lanes) {
    const auto found = hn::FindFirstTrue(f, hn::Eq(hn::LoadU(f, scores + c), best));
    if (found >= 0) return static_cast<std::int32_t>(c + found);
  }
}

HWY_INLINE std::size_t count_from(const float* scores, std::int64_t padded, Vector least) {
  const Floats f;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(f));
  std::size_t count = 0;
  for (std::int64_t c = 0; c < padded; c += lanes)
    count += hn::CountTrue(f, hn::Ge(hn::LoadU(f, scores + c), least));
  return count;
}

HWY_INLINE PixelPeak peak_of(const float* scores, std::int64_t padded, float margin, Vector most,
                             bool numbers) {
  const Floats f;
  const Vector best = hn::MaxOfLanes(f, most);
  PixelPeak peak;
  peak.best = hn::GetLane(best);
  peak.numbers = numbers && std::isfinite(peak.best);
  if (!peak.numbers) return peak;
  peak.channel = first_with(scores, best);
  peak.alone = margin < 0 || count_from(scores, padded, hn::Set(f, peak.best - margin)) == 1;
  return peak;
}

void find_peaks(const RowPair& rows, float margin, std::span<PixelPeak> peaks, float* highest) {
  const Floats f;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(f));
  std::vector<float> scratch(static_cast<std::size_t>(rows.padded));
  float* scores = scratch.data();
  for (std::size_t x = 0; x < peaks.size(); ++x) {
    const Blend blend(rows, rows.columns[x]);
    Vector most = hn::Set(f, kNoScore);
    auto numbers = hn::Eq(most, most);
    for (std::int64_t c = 0; c < rows.padded; c += lanes) {
      const Vector value = blend.at(c);
      hn::StoreU(value, f, scores + c);
      most = hn::Max(most, value);
      numbers = hn::And(numbers, hn::Eq(value, value));
      if (highest != nullptr) hn::StoreU(hn::Max(hn::LoadU(f, highest + c), value), f, highest + c);
    }
    peaks[x] = peak_of(scores, rows.padded, margin, most, hn::AllTrue(f, numbers));
  }
}

void blend_pixel(const RowPair& rows, std::size_t x, float* scores) {
  const Floats f;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(f));
  const Blend blend(rows, rows.columns[x]);
  for (std::int64_t c = 0; c < rows.padded; c += lanes) hn::StoreU(blend.at(c), f, scores + c);
}

}  // namespace tagalign::model::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tagalign::model {

HWY_EXPORT(add_blended);
HWY_EXPORT(divide_pixels);
HWY_EXPORT(find_peaks);
HWY_EXPORT(blend_pixel);

void add_blended(const RowPair& rows, float* sums) {
  HWY_DYNAMIC_DISPATCH(add_blended)(rows, sums);
}

void divide_pixels(std::span<const float> divisors, std::int64_t padded, float* values) {
  HWY_DYNAMIC_DISPATCH(divide_pixels)(divisors, padded, values);
}

void find_peaks(const RowPair& rows, float margin, std::span<PixelPeak> peaks, float* highest) {
  HWY_DYNAMIC_DISPATCH(find_peaks)(rows, margin, peaks, highest);
}

void blend_pixel(const RowPair& rows, std::size_t x, float* scores) {
  HWY_DYNAMIC_DISPATCH(blend_pixel)(rows, x, scores);
}

BlendOrder blend_order(std::int64_t channels, std::int64_t height, std::int64_t width, bool last) {
  constexpr std::int64_t kSmallSides = 128, kColours = 3;
  constexpr std::int64_t kLanes = 8;  // of LibTorch's vectors, with AVX-512 too
  const bool products =
      channels == kColours || (last && channels > kColours) || height + width <= kSmallSides;
  return {.nested = !products, .vectors = channels / kLanes * kLanes};
}

std::vector<AxisSample> axis_samples(std::int64_t input, std::int64_t output) {
  std::vector<AxisSample> samples(static_cast<std::size_t>(output));
  const float scale = static_cast<float>(input) / static_cast<float>(output);
  for (std::int64_t i = 0; i < output; ++i) {
    AxisSample& sample = samples[static_cast<std::size_t>(i)];
    sample.first = sample.second = static_cast<std::int32_t>(i);
    if (input == output) continue;
    const float at = std::max(std::fma(scale, static_cast<float>(i) + 0.5F, -0.5F), 0.0F);
    sample.first = static_cast<std::int32_t>(std::min(static_cast<std::int64_t>(at), input - 1));
    sample.second = sample.first + (sample.first < input - 1 ? 1 : 0);
    sample.far = std::clamp(at - static_cast<float>(sample.first), 0.0F, 1.0F);
    sample.near = 1.0F - sample.far;
  }
  return samples;
}

}  // namespace tagalign::model
#endif
