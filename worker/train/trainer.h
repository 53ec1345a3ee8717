/// The loop that every training job runs: batches in, optimiser steps, checkpoints out, and never a
/// lost or repeated sample.
///
/// A step is: next batch → loss → backward → gradients averaged over the ranks in buckets → clipped
/// → AdamW. The state of a run is its parameters, its buffers, the optimiser's moments and one
/// integer; a run that was killed at any moment and started again with the same world size and
/// threads gives the same bits (DESIGN.md, promises 2 and 3).
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

#include "configs/schema/jobs/shared_configs.h"
#include "data/datasets/caption_dataset.h"
#include "data/training/training_loader.h"
#include "model/training/optimizer.h"
#include "model/training/state_dict.h"
#include "worker/rank/rank.h"
#include "worker/train/trainer_options.h"

namespace tagalign::jobs {

/// What is trained.
class TrainingTask {
 public:
  virtual ~TrainingTask() = default;
  /// Leaves with requires_grad, the same tensors and order at every call and on every rank.
  virtual const model::Parameters& parameters() const = 0;
  /// Saved and restored with them, as TrainingObjective's.
  virtual model::Parameters buffers() const { return {}; }
  virtual model::LateParameters late() const { return {}; }
  struct Loss {
    at::Tensor total;                                       // []
    std::vector<std::pair<std::string, at::Tensor>> parts;  // for the log
  };
  /// Of the share of rank `group.rank()`, seeing the others through `group` alone; several shares
  /// may be computed at a time, by threads of their own. May throw c10::Error (Torch, or the gather
  /// inside): the loop translates it.
  virtual Loss loss(const data::TrainingBatch& batch, collectives::CollectiveGroup& group) = 0;
};

/// First half of a step, collective: forward and backward of this rank's share; every parameter is
/// left with its gradient averaged over the ranks, not clipped. Of `optimizer.late()`, those that
/// wait are left without one, and those that stay apart with their own. kInternal when Torch or the
/// gather inside the loss fails. `logical_ranks`: see logical_ranks.h; 0: the ranks are what they are.
Result<TrainingTask::Loss> compute_gradients(TrainingTask& task, const data::TrainingBatch& batch,
                                             model::AdamW& optimizer, double bucket_mib,
                                             collectives::CollectiveGroup& group,
                                             int logical_ranks = 0);

/// Collective. Resumes from the newest checkpoint that verifies, reports every checkpoint
/// that exists (again), and returns when all steps are done or a stop was asked for and
/// saved. kInvalidArgument when the checkpoints in the folder were made with another
/// configuration or data set.
Result<JobEnd> run_training(Rank& rank, TrainingTask& task, const data::CaptionDataset& dataset,
                            const TrainerOptions& options);

/// Collective. The data set of a training job, with its notices reported once: opened by the first
/// rank, which makes missing indexes, and then by the others. Attributes that nothing learns are not
/// read, which is a notice.
Result<data::CaptionDataset> open_caption_dataset(Rank& rank,
                                                  const config::CaptionDataConfig& options,
                                                  bool learns_attributes);

}  // namespace tagalign::jobs
