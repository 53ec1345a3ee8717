/// Named tensors in a fixed order: how weights travel between towers,
/// projectors, optimiser and files.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

namespace tagalign::model {

/// Weights by the reference's names. Values share storage with their owner.
using StateDict = std::map<std::string, at::Tensor>;

/// A trainable tensor: a leaf with requires_grad. `name` is the reference's state-dict name.
struct Parameter {
  std::string name;
  at::Tensor tensor;
};
using Parameters = std::vector<Parameter>;

}  // namespace tagalign::model
