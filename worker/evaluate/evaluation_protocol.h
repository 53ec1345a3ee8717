/// How one data set is evaluated, and what its results say about it.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "configs/schema/jobs/evaluation_settings.h"
#include "coordinator/wire/messages.h"
#include "model/clip/attention.h"
#include "model/inference/segmentation.h"
#include "model/methods/method.h"

namespace tagalign::jobs {

/// Everything decided for one data set: one result for each combination of the sweep.
struct EvaluationPlan {
  model::SegmentationOptions options;
  model::SegmentationSweep sweep;
  std::vector<std::vector<wire::Setting>> protocols;  ///< [sweep.size()], one a result
  std::vector<std::string> notices;                   ///< what a reader of the results must know
};

/// `attention`: how the frozen CLIP attends; kFused where there is none.
/// kInvalidArgument for a sweep that has nothing to vary (a method that mixes nothing), or a
/// background without a threshold.
Result<EvaluationPlan> plan_evaluation(const config::EvaluateConfig& config,
                                       const config::SegmentationDataConfig& data,
                                       const model::DenseModel& model,
                                       model::AttentionWay attention);

/// Names of the sets (or "own"), number of prompts and digest of all of them: "full(80):5d41402a".
std::string describe_templates(const std::vector<std::string>& templates);

}  // namespace tagalign::jobs
