/// What an evaluation predicts with: the frozen CLIP and, if one is named, a trained projector.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "configs/schema/job_configs.h"
#include "model/clip/towers.h"
#include "model/projector.h"
#include "worker/jobs/rank.h"

namespace tagalign::jobs {

struct Predictor {
  model::VisionTower vision;
  model::TextTower text;
  std::unique_ptr<model::Projector> projector;  ///< null: frozen baseline
  model::VisionAttention attention;
  std::string digest;      ///< of all weights
  std::uint64_t step = 0;  ///< of the projector's training
};

/// The weights that `config` names, on the rank's device. `checkpoint` may be a step folder or any
/// file of read_trained_weights(). kNotFound, kDataLoss, and kInvalidArgument for a projector that
/// was trained on another CLIP or does not fit it; the message names the file.
Result<Predictor> load_predictor(Rank& rank, const config::EvaluateConfig& config);

}  // namespace tagalign::jobs
