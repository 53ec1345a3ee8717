/// Uniform draws whose logarithm is finite on both ends.
#pragma once

#include <algorithm>

#include "base/random.h"

namespace tagalign::model {

/// One of the middles of 2^24 equal cells of (0, 1): never 0 or 1, where Gumbel and logistic noise
/// are infinite. One draw of the stream.
inline float open_uniform(RandomStream& stream) {
  constexpr int kFractionBits = 24;  // of a float
  const std::uint32_t cell = stream.next_u32() >> (32 - kFractionBits);
  constexpr float kWidth = 1.0f / (1u << kFractionBits);
  constexpr float kBelowOne = 1.0f - kWidth / 2;
  return std::min((static_cast<float>(cell) + 0.5f) * kWidth, kBelowOne);
}

}  // namespace tagalign::model
