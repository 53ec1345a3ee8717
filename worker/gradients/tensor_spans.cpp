#include "worker/gradients/tensor_spans.h"

#include "base/status.h"

namespace tagalign::jobs {

at::Tensor to_group_memory(const at::Tensor& tensor, const collectives::CollectiveGroup& group) {
  const auto placed = group.memory() == collectives::Memory::kHost ? tensor.to(at::kCPU) : tensor;
  return placed.to(at::kFloat).contiguous();
}

std::span<float> float_span(const at::Tensor& tensor) {
  TA_CHECK(tensor.is_contiguous() && tensor.scalar_type() == at::kFloat);
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

}  // namespace tagalign::jobs
