/// all_gather that carries gradients: how the contrastive loss sees the other ranks' embeddings.
///
/// Source: the reference gathers embeddings with gradient; the gradient of a rank's rows is the sum
/// of what every rank's loss sends to them. Axes: B rows of one rank, W ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include "worker/collectives/collective_group.h"

namespace tagalign::jobs {

/// rows [B, …] fp32 → [W·B, …] in rank order. Every rank calls it with the same shape, and runs
/// backward through it in the same order. Throws c10::Error when the group fails, because autograd
/// has no other way out; the training loop translates it. Borrows `group` until backward has run.
at::Tensor gather_with_gradient(const at::Tensor& rows, collectives::CollectiveGroup& group);

}  // namespace tagalign::jobs
