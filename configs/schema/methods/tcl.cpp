#include "configs/schema/methods/tcl.h"

namespace tagalign::config {

void TclTraining::check(const std::string& path, Findings& findings) const {
  if (area_weight == 0 && contrast_weight == 0) {
    findings.push_back({path + ".contrast_weight",
                        "expected a weight above 0 here or in area_weight, found 0 in both"});
  }
}

EvaluationPreset TclEvaluation::preset() const {
  return {.name = std::string(kName),
          .background_threshold = 0.4,
          .background_threshold_unrefined = 0.5,
          .templates = {"custom"},
          .refine = RefinePamr{}};
}

}  // namespace tagalign::config
