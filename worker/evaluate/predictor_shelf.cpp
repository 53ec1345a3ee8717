#include "worker/evaluate/predictor_shelf.h"

#include <utility>

#include "base/log.h"

namespace tagalign::jobs {

Result<bool> PredictorShelf::serves(Rank& rank, const config::EvaluateConfig& config) const {
  if (!held_ || held_->clip != config.clip || held_->method != config.method ||
      held_->checkpoint != config.checkpoint) {
    return false;
  }
  return has_same_weights(rank, config, held_->predictor.digest);
}

Result<const Predictor*> PredictorShelf::get(Rank& rank, const config::EvaluateConfig& config) {
  TA_ASSIGN_OR_RETURN(const bool serves_again, serves(rank, config));
  if (!serves_again) {
    held_.reset();  // not two of them in memory
    TA_ASSIGN_OR_RETURN(auto loaded, load_predictor(rank, config));
    held_ = Held{config.clip, config.method, config.checkpoint, std::move(loaded)};
    return &held_->predictor;
  }
  log_info("the weights are in memory, from the evaluation before");
  if (FrozenClip* clip = held_->predictor.clip.get()) {
    TA_RETURN_IF_ERROR(freeze_clip(rank, config.runtime.precision, *clip));
  }
  if (rank.is_first()) {
    for (const std::string& notice : held_->predictor.notices) rank.reporter.notice(notice);
  }
  return &held_->predictor;
}

}  // namespace tagalign::jobs
