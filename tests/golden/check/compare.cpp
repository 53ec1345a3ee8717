#include "tests/golden/check/compare.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <limits>

#include "base/format.h"

namespace tagalign::golden {

Deviation deviation_of(const at::Tensor& actual, const at::Tensor& expected) {
  if (!actual.defined()) return {.problem = "our side has no such tensor"};
  if (actual.sizes() != expected.sizes()) {
    return {.problem = format("shape {}, expected {}", shape_text(actual.sizes()),
                              shape_text(expected.sizes()))};
  }
  Deviation result{.values = static_cast<std::uint64_t>(expected.numel())};
  if (expected.numel() == 0) return result;
  const at::Tensor a = actual.detach().to(at::kCPU, at::kDouble);
  const at::Tensor e = expected.detach().to(at::kCPU, at::kDouble);
  result.largest = at::nan_to_num(e.abs(), 0.0, 0.0).max().item<double>();
  if (!at::equal(at::isnan(a), at::isnan(e))) {
    result.absolute = std::numeric_limits<double>::infinity();
    return result;
  }
  const at::Tensor same = at::logical_or(a == e, at::isnan(a));  // equal infinities differ by nan
  result.absolute = at::where(same, at::zeros_like(a), (a - e).abs()).max().item<double>();
  return result;
}

std::uint64_t count_differing(const at::Tensor& actual, const at::Tensor& expected) {
  return static_cast<std::uint64_t>(actual.ne(expected).sum().item<std::int64_t>());
}

void compare_tensor(Report& report, const std::string& quantity, const at::Tensor& actual,
                    TensorFile& file, const std::string& name, const Tolerance& tolerance) {
  if (const at::Tensor* expected = file.find(name)) {
    report.deviation(quantity, deviation_of(actual, *expected), tolerance);
  }
}

std::string shape_text(at::IntArrayRef shape) {
  return format("[{}]", fmt::join(shape.begin(), shape.end(), ", "));
}

std::string dtype_text(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "torch.float32";
    case at::kHalf:
      return "torch.float16";
    case at::kBFloat16:
      return "torch.bfloat16";
    case at::kDouble:
      return "torch.float64";
    case at::kLong:
      return "torch.int64";
    case at::kInt:
      return "torch.int32";
    default:
      return format("torch type {}", static_cast<int>(type));
  }
}

}  // namespace tagalign::golden
