#include "checkpoint/tensor_adapter.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/util/accumulate.h>

#include <cstdlib>
#include <utility>

namespace tagalign::checkpoint {

Result<DType> dtype_of(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return DType::kF32;
    case at::kHalf:
      return DType::kF16;
    case at::kBFloat16:
      return DType::kBF16;
    case at::kDouble:
      return DType::kF64;
    case at::kLong:
      return DType::kI64;
    case at::kInt:
      return DType::kI32;
    case at::kByte:
      return DType::kU8;
    case at::kBool:
      return DType::kBool;
    default:
      return unsupported(std::string("tensor type ") + c10::toString(type) +
                         ": a checkpoint cannot hold it");
  }
}

at::ScalarType scalar_type_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return at::kFloat;
    case DType::kF16:
      return at::kHalf;
    case DType::kBF16:
      return at::kBFloat16;
    case DType::kF64:
      return at::kDouble;
    case DType::kI64:
      return at::kLong;
    case DType::kI32:
      return at::kInt;
    case DType::kU8:
      return at::kByte;
    case DType::kBool:
      return at::kBool;
  }
  check_failed(__FILE__, __LINE__, "dtype", "not a value of DType");
}

namespace {

/// A view of all that `tensor` holds.
Result<TensorView> hold(HeldViews& held, const std::string& name, const at::Tensor& tensor) {
  if (!tensor.defined()) return invalid_argument("tensor '" + name + "' is undefined");
  Result<DType> dtype = dtype_of(tensor.scalar_type());
  if (!dtype.ok()) return dtype.status().with_context("tensor '" + name + "'");
  const at::Tensor& plain = held.tensors.emplace_back(tensor.detach().to(at::kCPU).contiguous());
  held.versions.push_back(plain._version());
  const auto* data = static_cast<const std::byte*>(plain.const_data_ptr());
  return TensorView{name, *dtype, plain.sizes().vec(), ByteSpan(data, plain.nbytes())};
}

}  // namespace

Result<HeldViews> hold_views(const NamedTensors& tensors) {
  HeldViews held;
  for (const auto& [name, tensor] : tensors) {
    TA_ASSIGN_OR_RETURN(TensorView view, hold(held, name, tensor));
    held.views.push_back(std::move(view));
  }
  return held;
}

Status add_part(HeldViews& held, const std::string& name, const std::vector<std::int64_t>& shape,
                std::uint64_t begin, const at::Tensor& elements) {
  TA_ASSIGN_OR_RETURN(TensorView view, hold(held, name, elements));
  view.shape = shape;
  view.begin = begin;
  view.sharded = true;
  held.views.push_back(std::move(view));
  return ok_status();
}

Status check_unchanged(const HeldViews& held) {
  for (std::size_t i = 0; i < held.tensors.size(); ++i) {
    if (held.tensors[i]._version() == held.versions[i]) continue;
    return internal_error("tensor '" + held.views[i].name +
                          "' was changed while it was copied for a checkpoint, which may hold "
                          "half of each state; this is a defect of the program");
  }
  return ok_status();
}

at::Tensor to_tensor(TensorData data) {
  const auto options = at::TensorOptions().dtype(scalar_type_of(data.dtype));
  const auto elements = static_cast<std::int64_t>(data.bytes.size() / dtype_bytes(data.dtype));
  const bool whole = c10::multiply_integers(data.shape) == elements;
  const std::vector<std::int64_t> shape = whole ? data.shape : std::vector{elements};
  if (elements == 0) return at::empty(shape, options);
  return at::from_blob(
      data.bytes.release(), shape, [](void* bytes) { std::free(bytes); }, options);
}

NamedTensors to_tensors(TensorMap data) {
  NamedTensors tensors;
  for (auto& [name, tensor] : data) tensors.emplace(name, to_tensor(std::move(tensor)));
  return tensors;
}

}  // namespace tagalign::checkpoint
