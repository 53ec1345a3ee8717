/// Uniform draws behind the Gumbel-sigmoid: a function of seed, step and image alone.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

namespace tagalign::model {

/// What a step needs noise for: the mask of each image under its own text.
struct NoiseRequest {
  std::uint64_t step = 0;
  std::uint64_t first_image = 0;  ///< counted over all ranks
  std::int64_t images = 0;        ///< of this rank
  std::int64_t height = 0, width = 0;
};
/// [images, 1, height, width] fp32 in [0, 1), on the CPU.
using NoiseSource = std::function<at::Tensor(const NoiseRequest& request)>;

/// Draws through base/random.h, so that neither the number of ranks nor threads changes a value;
/// always inside (0, 1). Cost: a block of Philox for four values.
NoiseSource philox_noise(std::uint64_t seed);

}  // namespace tagalign::model
