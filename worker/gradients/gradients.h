/// Averaging of gradients over the ranks, bucket by bucket.
#pragma once

#include "base/status.h"
#include "model/training/state_dict.h"
#include "worker/collectives/collective_group.h"

namespace tagalign::jobs {

/// Replaces every parameter's gradient by its mean over the ranks. A parameter without a gradient
/// counts as zeros. Gradients travel in buckets of `bucket_mib`, last parameter first. With one
/// rank nothing is sent.
Status average_gradients(const model::Parameters& parameters, double bucket_mib,
                         collectives::CollectiveGroup& group);

}  // namespace tagalign::jobs
