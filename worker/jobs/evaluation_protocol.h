/// How one data set is evaluated, and what its results say about it.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "configs/schema/protocols.h"
#include "coordinator/protocol/messages.h"
#include "model/segmentation.h"
#include "worker/jobs/predictor.h"

namespace tagalign::jobs {

/// Everything decided for one data set: one result for each combination of the sweep.
struct EvaluationPlan {
  model::SegmentationOptions options;  ///< clip_weight and background_threshold: see sweep
  model::SegmentationSweep sweep;
  std::vector<std::vector<protocol::Setting>> protocols;  ///< [sweep.size()], one a result
  std::vector<std::string> notices;  ///< what a reader of the results must know
};

/// kInvalidArgument for a sweep that has nothing to vary (frozen weights without a projector), or a
/// background without a threshold.
Result<EvaluationPlan> plan_evaluation(const config::EvaluateConfig& config,
                                       const config::SegmentationDataConfig& data,
                                       const Predictor& predictor);

/// Names of the sets (or "own"), number of prompts and digest of all of them: "full(80):5d41402a".
std::string describe_templates(const std::vector<std::string>& templates);

}  // namespace tagalign::jobs
