/// What an evaluation predicts with: the frozen CLIP and a method, trained or not.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "configs/schema/jobs/job_configs.h"
#include "model/clip/tokenizer.h"
#include "model/methods/method.h"
#include "worker/rank/rank.h"
#include "worker/weights/frozen_clip.h"

namespace tagalign::jobs {

struct Predictor {
  std::unique_ptr<FrozenClip> clip;             ///< may be missing; `model` borrows it
  std::unique_ptr<model::Tokenizer> tokenizer;  ///< likewise
  std::unique_ptr<model::DenseModel> model;
  std::string digest;                ///< of all weights
  std::uint64_t step = 0;            ///< of the training
  std::vector<std::string> notices;  ///< of the checkpoint; said once by load_predictor()
};

/// The weights that `config` names, on the rank's device. `checkpoint` may be a step folder or any
/// file of read_trained_weights(). kNotFound, kDataLoss, and kInvalidArgument for weights of another
/// method, or that were trained on another CLIP or do not fit it; the message names the file.
Result<Predictor> load_predictor(Rank& rank, const config::EvaluateConfig& config);

/// Collective: whether load_predictor() would read weights of `digest` now. False where it would fail,
/// which it then says itself. Cost: the first rank reads weight files, of a step folder the manifest.
Result<bool> has_same_weights(Rank& rank, const config::EvaluateConfig& config,
                              const std::string& digest);

}  // namespace tagalign::jobs
