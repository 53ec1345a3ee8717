#include "worker/gradients/gather_autograd.h"

#include <torch/csrc/autograd/custom_function.h>

#include <span>

#include "worker/gradients/tensor_spans.h"

namespace tagalign::jobs {
namespace {

using collectives::CollectiveGroup;

void require(const Status& status) {
  TORCH_CHECK(status.ok(), status.to_string());
}

class GatherRows : public torch::autograd::Function<GatherRows> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& rows,
                            std::int64_t group_address) {
    context->saved_data["group"] = group_address;
    auto& group = *reinterpret_cast<CollectiveGroup*>(group_address);
    const auto mine = to_group_memory(rows.detach(), group);
    auto shape = mine.sizes().vec();
    shape[0] *= group.size();
    const auto all = at::empty(shape, mine.options());
    require(group.all_gather(float_span(mine), float_span(all)));
    return all.to(rows.device());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    auto& group = *reinterpret_cast<CollectiveGroup*>(context->saved_data["group"].toInt());
    const auto sum = to_group_memory(gradients[0], group).clone();
    require(group.all_reduce_sum(float_span(sum)));
    const auto rows = sum.size(0) / group.size();
    return {sum.narrow(0, rows * group.rank(), rows).to(gradients[0].device()), at::Tensor()};
  }
};

}  // namespace

at::Tensor gather_with_gradient(const at::Tensor& rows, CollectiveGroup& group) {
  return GatherRows::apply(rows, reinterpret_cast<std::int64_t>(&group));
}

}  // namespace tagalign::jobs
