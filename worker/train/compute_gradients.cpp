#include <c10/util/Exception.h>

#include "worker/gradients/gradients.h"
#include "worker/train/logical_ranks.h"
#include "worker/train/trainer.h"

namespace tagalign::jobs {

Result<TrainingTask::Loss> compute_gradients(TrainingTask& task, const data::TrainingBatch& batch,
                                             model::AdamW& optimizer, double bucket_mib,
                                             collectives::CollectiveGroup& group,
                                             int logical_ranks) {
  optimizer.zero_gradients();
  if (logical_ranks > 0) {
    return compute_by_logical_ranks(task, batch, task.parameters(), logical_ranks, bucket_mib,
                                    group);
  }
  TrainingTask::Loss loss;
  try {
    loss = task.loss(batch, group);
    loss.total.backward();
  } catch (const c10::Error& error) {
    return internal_error(error.what_without_backtrace());
  }
  const std::uint64_t step = optimizer.steps_done();
  model::Parameters averaged;
  for (const auto& parameter : task.parameters()) {
    if (optimizer.late().wait(parameter.name, step)) {
      at::Tensor(parameter.tensor).mutable_grad().reset();
    } else if (!optimizer.late().stay_apart(parameter.name)) {
      averaged.push_back(parameter);
    }
  }
  TA_RETURN_IF_ERROR(average_gradients(averaged, bucket_mib, group));
  return loss;
}

}  // namespace tagalign::jobs
