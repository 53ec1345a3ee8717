/// Rules between several fields of a configuration; rules of one field stand beside its struct.
#pragma once

#include <string>
#include <vector>

#include "configs/schema/jobs/job_configs.h"
#include "configs/schema/jobs/published_scores.h"

namespace tagalign::config {

std::vector<Finding> check(const ScenesConfig& config);
std::vector<Finding> check(const DataReportConfig& config);
std::vector<Finding> check(const DataPackConfig& config);
std::vector<Finding> check(const DataTagsConfig& config);
std::vector<Finding> check(const PretrainConfig& config);
std::vector<Finding> check(const TrainConfig& config);
std::vector<Finding> check(const EvaluateConfig& config);
std::vector<Finding> check(const ExecConfig& config);
std::vector<Finding> check(const SegmentationDataConfig& config);
std::vector<Finding> check(const PublishedScores& config);

}  // namespace tagalign::config
