/// A method's objective as the training loop runs it: batches become tensors on the rank's device,
/// and the other ranks are seen through the group.
#pragma once

#include <cstdint>
#include <memory>

#include "configs/schema/jobs/job_configs.h"
#include "model/clip/tokenizer.h"
#include "model/training/training_objective.h"
#include "worker/features/caption_features.h"
#include "worker/rank/rank.h"
#include "worker/train/trainer.h"

namespace tagalign::jobs {

/// What a batch is turned into tensors with.
struct BatchShape {
  const model::Tokenizer& tokenizer;
  std::size_t tags = 0;        ///< T
  std::size_t attributes = 0;  ///< A; 0: none are learned
  /// nullptr: the objective encodes captions itself; otherwise it reads_text_features().
  CaptionFeatures* features = nullptr;
};

/// Of `config` it reads data.image_size and runtime.precision. Borrows all but the objective.
std::unique_ptr<TrainingTask> make_objective_task(
    Rank& rank, const config::TrainConfig& config, const BatchShape& shape,
    std::unique_ptr<model::TrainingObjective> objective);

}  // namespace tagalign::jobs
