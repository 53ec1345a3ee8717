/// What a shared optimiser has computed, handed around.
#pragma once

#include "base/status.h"
#include "model/training/optimizer.h"
#include "worker/collectives/collective_group.h"

namespace tagalign::jobs {

/// Collective, after every step of an optimiser that is shared: all parameters are up to date on all
/// ranks. With one that is whole nothing is sent.
Status share_updates(model::AdamW& optimizer, collectives::CollectiveGroup& group);

}  // namespace tagalign::jobs
