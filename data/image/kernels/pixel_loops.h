/// Loops that a compiler turns into vectors by itself: pixel_kernels.h's sets are built from them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "data/image/kernels/pixel_kernels.h"

/// A loop takes the instruction set of the kernel that it is part of.
#define TA_PIXEL_LOOP [[gnu::always_inline]] inline

namespace tagalign::data::loops {

/// Pillow's clip8, which a sum of weighted bytes ends in.
TA_PIXEL_LOOP std::uint8_t weighted_byte(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

TA_PIXEL_LOOP std::int32_t weight_of(const std::int16_t* parts, std::size_t tap) {
  const std::int16_t* group = parts + tap / kGroupTaps * kGroupParts;
  return group[tap % kGroupTaps] * (1 << kLowBits) + group[kGroupTaps + tap % kGroupTaps];
}

/// Bytes `begin` … `bytes` of an output row.
TA_PIXEL_LOOP void resample_down(const std::int16_t* parts, std::size_t groups,
                                 const std::uint8_t* const* rows, std::size_t begin,
                                 std::size_t bytes, std::uint8_t* out) {
  for (std::size_t i = begin; i < bytes; ++i) {
    std::int32_t sum = 1 << (kWeightBits - 1);
    for (std::size_t t = 0; t < groups * kGroupTaps; ++t) sum += rows[t][i] * weight_of(parts, t);
    out[i] = weighted_byte(sum);
  }
}

TA_PIXEL_LOOP std::uint8_t cut_to_byte(float value) {
  const float above = value > 0.0F ? value : 0.0F;
  return static_cast<std::uint8_t>(static_cast<int>(above < 255.0F ? above : 255.0F));
}

TA_PIXEL_LOOP void blend(const std::uint8_t* from, const std::uint8_t* to, float alpha,
                         std::size_t bytes, std::uint8_t* __restrict out) {
  for (std::size_t i = 0; i < bytes; ++i) {
    const int start = from[i];
    out[i] = cut_to_byte(static_cast<float>(start) + alpha * static_cast<float>(to[i] - start));
  }
}

/// Weights 1 around a centre of 5, over 13, added in Pillow's order.
TA_PIXEL_LOOP void smooth(const std::uint8_t* row, std::size_t stride, std::size_t bytes,
                          std::uint8_t* __restrict out) {
  constexpr float kSide = 1.0F / 13.0F;
  constexpr float kCenter = 5.0F / 13.0F;
  const auto line = [](const std::uint8_t* at, float middle) {
    return static_cast<float>(*(at - 3)) * kSide + static_cast<float>(*at) * middle +
           static_cast<float>(at[3]) * kSide;
  };
  for (std::size_t i = 0; i < bytes; ++i) {
    float sum = 0.5F + line(row + i + stride, kSide);
    sum += line(row + i, kCenter);
    sum += line(row + i - stride, kSide);
    out[i] = cut_to_byte(sum);
  }
}

/// Where an output pixel of an affine transform lies in the input.
struct SourcePoint {
  double x, y;
};
TA_PIXEL_LOOP SourcePoint source_of(const AffineMatrix& m, int x, int y) {
  const double center_x = x + 0.5;
  const double center_y = y + 0.5;
  return {m.a * center_x + m.b * center_y + m.c, m.d * center_x + m.e * center_y + m.f};
}

/// Pillow's bilinear_filter32RGB at an input position whose pixel centres lie at halves; the fill
/// colour outside the image.
TA_PIXEL_LOOP void sample_bilinear(const Image& image, SourcePoint at, const FillColor& fill,
                                   std::uint8_t* out) {
  if (!(at.x >= 0 && at.x < image.width && at.y >= 0 && at.y < image.height)) {
    std::copy(fill.begin(), fill.end(), out);
    return;
  }
  const double column = std::floor(at.x - 0.5);
  const double line = std::floor(at.y - 0.5);
  const double part_x = at.x - 0.5 - column;
  const double part_y = at.y - 0.5 - line;
  const auto offset = [](int position, int count) {
    return static_cast<std::size_t>(std::clamp(position, 0, count - 1)) * 3;
  };
  const std::size_t left = offset(static_cast<int>(column), image.width);
  const std::size_t right = offset(static_cast<int>(column) + 1, image.width);
  const auto width = static_cast<std::size_t>(image.width);
  const std::uint8_t* above =
      image.pixels.data() + offset(static_cast<int>(line), image.height) * width;
  const std::uint8_t* below =
      image.pixels.data() + offset(static_cast<int>(line) + 1, image.height) * width;
  for (std::size_t c = 0; c < 3; ++c) {
    const auto between = [&](const std::uint8_t* row) {
      const double start = row[left + c];
      return start + (row[right + c] - start) * part_x;
    };
    const double upper = between(above);
    out[c] = static_cast<std::uint8_t>(upper + (between(below) - upper) * part_y);
  }
}

}  // namespace tagalign::data::loops
