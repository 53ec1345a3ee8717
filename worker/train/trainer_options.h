/// The settings of a training run, and what its parts are set up with.
#pragma once

#include <cstdint>
#include <string>

#include "configs/schema/jobs/shared_configs.h"
#include "data/datasets/caption_dataset.h"
#include "data/training/training_loader.h"
#include "model/training/optimizer.h"
#include "worker/identity/config_identity.h"
#include "worker/rank/rank.h"
#include "worker/train/commits/run_checkpoints.h"

namespace tagalign::jobs {

struct TrainerOptions {
  std::string label;  ///< "train" or "pretrain"
  config::RuntimeConfig runtime;
  config::CaptionDataConfig data;
  config::AugmentConfig augment;
  config::OptimizerConfig optimizer;
  config::CheckpointConfig checkpoint;
  int global_batch = 0;
  std::uint64_t steps = 0;
  ConfigIdentity identity;   ///< everything that determines the numbers
  std::string model_digest;  ///< of the frozen weights; empty without
};

data::LoaderOptions loader_options(const TrainerOptions& options, const Rank& rank,
                                   std::uint64_t first_sample);

model::RankShare optimizer_share(const TrainerOptions& options, const Rank& rank);

/// What two attempts must have in common for their steps to have the same bits, for people.
std::string step_terms(const TrainerOptions& options, const Rank& rank,
                       const data::CaptionDataset& dataset);

/// Of a run with this optimiser, of which each rank reads its own share.
RunCheckpointOptions checkpoint_options(const TrainerOptions& options, const Rank& rank,
                                        const data::CaptionDataset& dataset,
                                        const model::AdamW& optimizer);

}  // namespace tagalign::jobs
