/// Named tensors in a fixed order: how weights travel between towers,
/// projectors, optimiser and files.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace tagalign::model {

/// Weights by the reference's names. Values share storage with their owner.
using StateDict = std::map<std::string, at::Tensor>;

/// The elements of a tensor that one rank has.
struct TensorPart {
  std::vector<std::int64_t> shape;  ///< of the whole tensor
  std::uint64_t begin = 0;          ///< flattened index of the first element
  at::Tensor elements;              ///< [N]; N may be 0
};
using PartDict = std::map<std::string, TensorPart>;

/// A trainable tensor: a leaf with requires_grad. `name` is the reference's state-dict name.
struct Parameter {
  std::string name;
  at::Tensor tensor;
};
using Parameters = std::vector<Parameter>;

/// Parameters that stay as they are until a step of the training; all others train from step 0.
/// Their optimiser's state, and so its bias correction, begins at that step.
struct LateParameters {
  std::set<std::string> names = {};
  std::uint64_t first_step = 0;
  /// False: each rank goes on with its own gradient, as a reference that lost the average does.
  bool averaged = true;

  bool wait(const std::string& name, std::uint64_t step) const {
    return step < first_step && names.contains(name);
  }
  bool stay_apart(const std::string& name) const { return !averaged && names.contains(name); }
};

}  // namespace tagalign::model
