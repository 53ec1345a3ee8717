/// A few steps of TCL's training as a rank does them, with the product's own task, gradients,
/// optimiser and schedule, on recorded noise; everything that the fixtures store is recorded.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/methods/method.h"
#include "model/training/optimizer.h"
#include "tests/golden/check/folder.h"
#include "tests/golden/check/tcl/models.h"

namespace tagalign::golden::tcl {

/// What all runs share.
struct TrainingInputs {
  const Clip& clip;
  const Tensors& images;                           ///< training/inputs.safetensors
  std::vector<std::vector<std::string>> captions;  ///< of each batch
  const Tensors& masker;                           ///< initial weights
};

struct RunPlan {
  config::TclTraining method;
  int ranks = 1;
  int batch_per_rank = 0;
  double clip_norm = 0;
  model::AdamWOptions optimizer;
  model::ScheduleOptions schedule;
  std::vector<std::int64_t> batches;  ///< of each step
  /// Of each rank: "rankR.stepT.noise".
  const Tensors* noise = nullptr;
  const model::ReferenceFile* resume = nullptr;  ///< nullptr: from the initial weights
};

struct StepRecord {
  double lr = 0, total = 0, gradient_norm = 0;
  std::map<std::string, double> losses;
  Tensors gradients;   ///< of those that train, averaged where they are, not clipped
  Tensors parameters;  ///< after the update
};
struct RankRecord {
  std::vector<StepRecord> steps;
  Tensors moments;  ///< at the end, as AdamW::state() names them
  std::uint64_t steps_done = 0;
  model::LateParameters late;
  model::Parameters parameters;
};

/// As training.json configures a run; `blocks` of the CLIP.
RunPlan plan_of(const Json& run, std::int64_t blocks);

/// One record a rank, each rank a thread.
Result<std::vector<RankRecord>> run_training_steps(const TrainingInputs& inputs,
                                                   const RunPlan& plan);

}  // namespace tagalign::golden::tcl
