#include "worker/gradients/gradients.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros_like.h>

#include <vector>

#include "worker/collectives/gradient_buckets.h"
#include "worker/gradients/tensor_spans.h"

namespace tagalign::jobs {
namespace {

/// One bucket as one flat tensor in the group's memory; copied back after the collective.
Status average_bucket(const std::vector<at::Tensor>& gradients,
                      collectives::CollectiveGroup& group) {
  std::vector<at::Tensor> flat;
  for (const auto& gradient : gradients) flat.push_back(gradient.reshape({-1}));
  const auto packed = to_group_memory(at::cat(flat), group);  // [sum of sizes]
  TA_RETURN_IF_ERROR(group.all_reduce_sum(float_span(packed)));
  packed.div_(group.size());
  std::int64_t offset = 0;
  for (const auto& gradient : gradients) {
    gradient.copy_(packed.narrow(0, offset, gradient.numel()).view(gradient.sizes()));
    offset += gradient.numel();
  }
  return ok_status();
}

}  // namespace

Status average_gradients(const model::Parameters& parameters, double bucket_mib,
                         collectives::CollectiveGroup& group) {
  if (group.size() == 1) return ok_status();
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  std::vector<std::size_t> elements;
  for (const auto& parameter : parameters) {
    auto tensor = parameter.tensor;
    if (!tensor.grad().defined()) tensor.mutable_grad() = at::zeros_like(tensor);
    gradients.push_back(tensor.grad());
    elements.push_back(static_cast<std::size_t>(tensor.numel()));
  }
  const auto bucket_bytes = static_cast<std::size_t>(bucket_mib * 1024 * 1024);
  for (const auto& bucket : collectives::plan_buckets(elements, bucket_bytes)) {
    std::vector<at::Tensor> members;
    for (const auto index : bucket) members.push_back(gradients[index]);
    TA_RETURN_IF_ERROR(average_bucket(members, group));
  }
  return ok_status();
}

}  // namespace tagalign::jobs
