#include "model/methods/tcl/noise.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "base/random.h"
#include "model/methods/open_uniform.h"

namespace tagalign::model {
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
        for (std::int64_t i = 0; i < cells; ++i) values[image * cells + i] = open_uniform(stream);
      }
    };
    at::parallel_for(0, request.images, 1, fill);
    return noise;
  };
}

}  // namespace tagalign::model
