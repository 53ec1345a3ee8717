/// One step's gradients as so many logical ranks compute them, on any number of processes that
/// divides them: `optimizer.determinism: bitwise`.
///
/// Each logical rank has a share of the batch, a thread and a seat of its own, and gradients that are
/// added in rank order. What differs between a run on one process and on four is then only who
/// computes: the bits are the same, where the threads of a rank are as many.
#pragma once

#include "base/status.h"
#include "data/training/training_loader.h"
#include "model/training/state_dict.h"
#include "worker/collectives/collective_group.h"
#include "worker/train/trainer.h"

namespace tagalign::jobs {

/// kInvalidArgument with what to change: unless `processes` divides `logical_ranks` and they divide
/// the batch, on a GPU, or for a task whose state is more than its parameters.
Status check_logical_ranks(const TrainingTask& task, int logical_ranks, int global_batch,
                           const collectives::CollectiveGroup& processes);

/// Collective; `batch`: this process's share. Leaves in `averaged` the mean over all logical ranks and
/// returns the loss over all of them, equal on every process. kInternal as compute_gradients().
Result<TrainingTask::Loss> compute_by_logical_ranks(TrainingTask& task,
                                                    const data::TrainingBatch& batch,
                                                    const model::Parameters& averaged,
                                                    int logical_ranks, double bucket_mib,
                                                    collectives::CollectiveGroup& processes);

}  // namespace tagalign::jobs
