/// What an evaluation uses on a data set, decided from the configuration, the data set and the
/// method's preset, in this order. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "configs/schema/jobs/evaluate_config.h"

namespace tagalign::config {

struct DatasetSettings {
  std::optional<double> background_threshold;  ///< unset: neither data set nor method names one
  int short_side = 0;                          ///< pixels, as the next two
  int window = 0;
  int stride = 0;
  bool in_reference = true;            ///< false: the reference cannot evaluate this data set
  std::vector<std::string> templates;  ///< EvaluateConfig's, else the data set's, else the preset's
  std::vector<std::string> class_prompts;  ///< empty: the classes' names
  RefineChoice refine;                     ///< none or a refinement
};
DatasetSettings dataset_settings(const EvaluateConfig& config, const SegmentationDataConfig& data);

/// The row of the table that results belong to.
std::string row_label(const EvaluateConfig& config);

/// The same evaluation with everything set that its method decides; what means nothing stays unset
/// (bias under v3, thresholds without background). Applying it twice changes nothing.
EvaluateConfig effective(EvaluateConfig config);

}  // namespace tagalign::config
