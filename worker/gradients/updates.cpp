#include "worker/gradients/updates.h"

#include <ATen/ops/empty.h>

#include "worker/gradients/tensor_spans.h"

namespace tagalign::jobs {

Status share_updates(model::AdamW& optimizer, collectives::CollectiveGroup& group) {
  if (!optimizer.is_shared()) return ok_status();
  const at::Tensor mine = to_group_memory(optimizer.new_values(), group);  // [N]
  const at::Tensor all = at::empty({group.size() * mine.numel()}, mine.options());
  TA_RETURN_IF_ERROR(group.all_gather(float_span(mine), float_span(all)));
  optimizer.adopt(all);
  return ok_status();
}

}  // namespace tagalign::jobs
