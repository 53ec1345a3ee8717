/// Lines for the areas and metrics that a data set's counts give.
#pragma once

#include <map>
#include <string>

#include "model/inference/segmentation_counts.h"
#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden {

struct CountTolerances {
  Tolerance area;    ///< of predicted and intersecting pixels; labelled ones are exact
  Tolerance metric;  ///< of IoU, Acc and their means
};

/// area_*, IoU, Acc, aAcc, mIoU and mAcc of `expected` against `counts` and the scores that the
/// product derives from them.
void compare_counts(const std::string& name, const model::SegmentationCounts& counts,
                    const Json& expected, const CountTolerances& tolerances, Report& report);

/// aAcc, mIoU and mAcc, where they have a value.
std::map<std::string, double> mean_scores(const model::SegmentationCounts& counts);

/// evaluation/metric_cases: given label maps.
void compare_metric_cases(Folder& folder, Report& report);

}  // namespace tagalign::golden
