/// Random fp32 tensors that depend on a seed and a name alone, so that any machine
/// draws the same weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>

namespace tagalign::model {

struct DrawKey {
  std::uint64_t seed = 0;
  std::string_view name;  ///< usually the tensor's name in the state dict
};

/// N(0, std²).
at::Tensor normal_tensor(DrawKey key, at::IntArrayRef shape, double std);
/// U(−bound, bound).
at::Tensor uniform_tensor(DrawKey key, at::IntArrayRef shape, double bound);

}  // namespace tagalign::model
