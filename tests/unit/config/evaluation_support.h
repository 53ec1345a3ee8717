/// Evaluation configurations from their text.
#pragma once

#include <string>
#include <variant>

#include "configs/schema/reading/load.h"
#include "tests/unit/config/config_test_support.h"

namespace tagalign::config {

inline EvaluateConfig load(const std::string& text, const Overrides& overrides = {}) {
  const auto config = parse_job_config<EvaluateConfig>(text, "e.yml", overrides);
  EXPECT_TRUE(config.ok()) << config.status().message();
  return config.ok() ? *config : EvaluateConfig();
}

inline const TagAlignEvaluation& section(const EvaluateConfig& config) {
  return std::get<TagAlignEvaluation>(config.method);
}

}  // namespace tagalign::config
