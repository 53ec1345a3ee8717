#include "model/methods/tcl/noise.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "base/random.h"

namespace tagalign::model {
namespace {

constexpr int kFractionBits = 24;  ///< of a float

/// The middles of 2^24 equal cells: never 0 or 1, where the logistic of a draw is infinite.
float uniform(RandomStream& stream) {
  const std::uint32_t cell = stream.next_u32() >> (32 - kFractionBits);
  constexpr float kWidth = 1.0f / (1u << kFractionBits);
  constexpr float kBelowOne = 1.0f - kWidth / 2;
  return std::min((static_cast<float>(cell) + 0.5f) * kWidth, kBelowOne);
}

}  // namespace

NoiseSource philox_noise(std::uint64_t seed) {
  return [seed](const NoiseRequest& request) {
    const at::Tensor noise =
        at::empty({request.images, 1, request.height, request.width}, at::kFloat);
    auto* values = noise.data_ptr<float>();
    const std::int64_t cells = request.height * request.width;
    const auto fill = [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t image = from; image < to; ++image) {
        RandomStream stream({.seed = seed,
                             .epoch = request.step,
                             .sample = request.first_image + static_cast<std::uint64_t>(image)},
                            StreamPurpose::kMask);
        for (std::int64_t i = 0; i < cells; ++i) values[image * cells + i] = uniform(stream);
      }
    };
    at::parallel_for(0, request.images, 1, fill);
    return noise;
  };
}

}  // namespace tagalign::model
