/// How OVSegmentor's models are built from its golden data.
#pragma once

#include <string>

#include "tests/golden/check/grouping/grouped.h"

namespace tagalign::golden::ovsegmentor {

/// With the bounds of the README, and the vocabulary of the folder.
class OvSegmentor final : public GroupedMethod {
 public:
  OvSegmentor(Folder& folder, Report& report);

  std::string name() const override { return "ovsegmentor"; }
  config::EvaluationMethod config(const Json& sizes) const override;
  model::Materials materials() const override { return {.files = &posix_file_system()}; }
  Tolerance activation() const override { return scaled_bound(1e-5); }
  Tolerance soft_assignment() const override { return scaled_bound(2e-5); }
  Tolerance projected() const override { return scaled_bound(2e-5); }
  Tolerance class_embedding() const override { return scaled_bound(5e-5); }
  Tolerance score(double logit_scale) const override;
  Tolerance group_map() const override { return {.absolute = 2e-5}; }
  const std::string& vocabulary() const { return vocabulary_; }

 private:
  std::string vocabulary_, digest_;
};

}  // namespace tagalign::golden::ovsegmentor
