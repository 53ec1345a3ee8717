/// The reference's evaluation protocols: what an EvaluateConfig leaves to them. Pure.
///
/// v1 is the paper's first version (branch main): sigmoid(10 · similarity − 2.5), share of the
/// frozen map 0.3, stride 224, background 0.4 on every data set. v3 is its third version (branch
/// dev): softmax over the classes of 30 · similarity, share 0.5, stride 56; the background differs
/// from set to set and stands in configs/benchmarks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "configs/schema/jobs/job_configs.h"

namespace tagalign::config {

/// How cosine similarities become class scores, decided.
struct ScoreSettings {
  bool softmax = false;  ///< softmax(scale · similarity); else sigmoid(scale · similarity + bias)
  double scale = 0.0;
  double bias = 0.0;         ///< 0 with softmax
  double clip_weight = 0.0;  ///< share of the frozen map

  bool operator==(const ScoreSettings&) const = default;
};
ScoreSettings score_settings(const EvaluateConfig& config);

/// What follows from protocol and data set together, decided.
struct DatasetSettings {
  std::optional<double> background_threshold;  ///< unset: v3 and a data set that names none
  int stride = 0;                              ///< pixels
  bool in_reference = true;            ///< false: the reference cannot evaluate this data set
  std::vector<std::string> templates;  ///< EvaluateConfig's, else the data set's
};
DatasetSettings dataset_settings(const EvaluateConfig& config, const SegmentationDataConfig& data);

/// The same evaluation with everything set that its protocol decides; what means nothing stays
/// unset (bias under v3, thresholds without background). Applying it twice changes nothing.
EvaluateConfig effective(EvaluateConfig config);

}  // namespace tagalign::config
