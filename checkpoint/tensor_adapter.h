/// at::Tensor on one side, named bytes on the other: the only place where checkpoints meet Torch.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "checkpoint/tensors.h"

namespace tagalign::checkpoint {

/// Same type as model::StateDict.
using NamedTensors = std::map<std::string, at::Tensor>;

/// kUnsupported for types that a checkpoint cannot hold.
Result<DType> dtype_of(at::ScalarType type);
at::ScalarType scalar_type_of(DType dtype);

/// Views into tensors, and what keeps them alive: contiguous CPU tensors share their
/// storage, others are copied.
struct HeldViews {
  std::vector<at::Tensor> tensors;
  std::vector<TensorView> views;
  std::vector<std::int64_t> versions;  ///< of the tensors, when they were shown
};
/// By name, ascending. A tensor that is changed while the views live changes what they show.
Result<HeldViews> hold_views(const NamedTensors& tensors);
/// Adds the elements of a tensor that this rank alone saves: `elements`, from `begin` on.
Status add_part(HeldViews& held, const std::string& name, const std::vector<std::int64_t>& shape,
                std::uint64_t begin, const at::Tensor& elements);
/// kInternal when an operation of Torch's has changed a tensor in place since it was shown.
Status check_unchanged(const HeldViews& held);

/// A CPU tensor on the memory that was read, which it frees: nothing is copied. Elements of one that
/// was asked for in part are one-dimensional.
at::Tensor to_tensor(TensorData data);
NamedTensors to_tensors(TensorMap data);

}  // namespace tagalign::checkpoint
