/// A few steps of training as a rank does them, with the product's own task, gradients, optimiser
/// and schedule; everything that the golden data stores is recorded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/clip/tokenizer.h"
#include "model/methods/tagalign/projector.h"
#include "model/training/optimizer.h"
#include "tests/golden/check/folder.h"
#include "worker/weights/frozen_clip.h"

namespace tagalign::golden {

/// What all runs share. `inputs` are the tensors of training/inputs.safetensors.
struct TrainingInputs {
  const jobs::FrozenClip& clip;
  const model::Tokenizer& tokenizer;
  const Tensors& inputs;
  std::vector<std::vector<std::string>> captions;  ///< of each batch
};

/// Optimiser state to go on from.
struct ResumeState {
  Tensors parameters;  ///< by name, of all trained tensors
  Tensors moments;     ///< as AdamW::state() names them
  std::uint64_t steps_done = 0;
};

struct RunPlan {
  model::ProjectorShape shape;
  Tensors projector;        ///< initial weights
  bool zero_gates = false;  ///< of the initial weights
  int ranks = 1;
  int batch_per_rank = 0;
  double clip_norm = 0;
  model::AdamWOptions optimizer;
  model::ScheduleOptions schedule;
  std::vector<std::int64_t> batches;  ///< of each step
  std::optional<ResumeState> resume;  ///< the first step is then steps_done
};

struct StepRecord {
  double lr = 0, cl_loss = 0, ce_loss = 0, total = 0, gradient_norm = 0;
  Tensors gradients;   ///< averaged, not clipped
  Tensors parameters;  ///< after the update
};
struct RankRecord {
  std::vector<StepRecord> steps;
  Tensors moments;  ///< at the end, as AdamW::state() names them
  model::Parameters parameters;
};

/// One record a rank, each rank a thread.
Result<std::vector<RankRecord>> run_training_steps(const TrainingInputs& inputs,
                                                   const RunPlan& plan);

}  // namespace tagalign::golden
