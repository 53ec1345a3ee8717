#include "tests/support/golden_reader.h"

#include <ATen/ATen.h>

#include <cstring>
#include <limits>
#include <stdexcept>

namespace tagalign::testing {
namespace {

at::ScalarType scalar_type(const std::string& dtype) {
  static const std::map<std::string, at::ScalarType> types = {
      {"F32", at::kFloat}, {"F16", at::kHalf}, {"BF16", at::kBFloat16}, {"F64", at::kDouble},
      {"I64", at::kLong},  {"I32", at::kInt},  {"U8", at::kByte},       {"BOOL", at::kBool}};
  const auto found = types.find(dtype);
  if (found == types.end()) throw std::runtime_error("unknown safetensors type " + dtype);
  return found->second;
}

at::Tensor to_tensor(const std::string& name, const GoldenTensor& stored) {
  at::Tensor tensor = at::empty(stored.shape, scalar_type(stored.dtype));
  if (tensor.nbytes() != stored.bytes.size()) {
    throw std::runtime_error("tensor " + name + " has the wrong number of bytes");
  }
  if (!stored.bytes.empty()) {
    std::memcpy(tensor.mutable_data_ptr(), stored.bytes.data(), stored.bytes.size());
  }
  return tensor;
}

}  // namespace

std::map<std::string, at::Tensor> read_golden_tensors(const std::string& relative) {
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, stored] : read_golden_safetensors(relative)) {
    tensors.emplace(name, to_tensor(name, stored));
  }
  return tensors;
}

double max_deviation(const at::Tensor& actual, const at::Tensor& expected) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (actual.sizes() != expected.sizes()) return kInfinity;
  if (actual.numel() == 0) return 0;
  const at::Tensor a = actual.detach().to(at::kCPU, at::kDouble);
  const at::Tensor e = expected.detach().to(at::kCPU, at::kDouble);
  if (!at::equal(at::isnan(a), at::isnan(e))) return kInfinity;
  const at::Tensor same = at::logical_or(a == e, at::isnan(a));  // equal infinities differ by nan
  return at::where(same, at::zeros_like(a), (a - e).abs()).max().item<double>();
}

double relative_deviation(const at::Tensor& actual, const at::Tensor& expected) {
  const double deviation = max_deviation(actual, expected);
  if (expected.numel() == 0) return deviation;
  const double scale = expected.detach().to(at::kDouble).abs().max().item<double>();
  return scale > 0 ? deviation / scale : deviation;
}

}  // namespace tagalign::testing
