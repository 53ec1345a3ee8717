/// Tensors as the collectives see them.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "worker/collectives/collective_group.h"

namespace tagalign::jobs {

/// Contiguous fp32 in the memory that the group's collectives work on (host or its device).
at::Tensor to_group_memory(const at::Tensor& tensor, const collectives::CollectiveGroup& group);

/// All elements of a contiguous fp32 tensor, which must outlive the span.
std::span<float> float_span(const at::Tensor& tensor);

}  // namespace tagalign::jobs
