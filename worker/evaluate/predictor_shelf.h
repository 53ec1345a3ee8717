/// The weights of a process's last evaluation, for its next one.
#pragma once

#include <optional>
#include <string>

#include "worker/evaluate/predictor.h"

namespace tagalign::jobs {

/// One thread. Holds at most one predictor, on the device of the rank that it was made for.
class PredictorShelf {
 public:
  /// Collective, as load_predictor(). What is held is given when the configuration asks for the
  /// same and the files still hold the same weights, by their digests; else they are loaded. What is
  /// given stands until the next call.
  Result<const Predictor*> get(Rank& rank, const config::EvaluateConfig& config);

 private:
  struct Held {
    config::ClipConfig clip;
    config::EvaluationMethod method;
    std::string checkpoint;
    Predictor predictor;
  };
  Result<bool> serves(Rank& rank, const config::EvaluateConfig& config) const;

  std::optional<Held> held_;
};

}  // namespace tagalign::jobs
