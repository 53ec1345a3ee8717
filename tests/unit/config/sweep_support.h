/// Workflow files with a sweep, and what becomes of them.
#pragma once

#include <string>
#include <vector>

#include "configs/schema/reading/workflow.h"
#include "tests/unit/config/config_test_support.h"

namespace tagalign::config {

using Names = std::vector<std::string>;

inline const std::string kConfig =
    "config: {data: {root: r, captions: c, tags: t, tag_names: n}, clip: {weights: w}, "
    "checkpoint: {keep_last: 0}}}\n";
inline const std::string kEvaluate =
    "config: {method: {name: tagalign}, clip: {weights: w}, datasets: [{name: d, root: r}]}}\n";

/// Line 3 of the file.
inline std::string tune(const std::string& sweep, const std::string& more = "") {
  return "name: w\njobs:\n  tune: {kind: train, " + more + "sweep: " + sweep + ", " + kConfig;
}

class SweepOfAFile : public ::testing::Test {
 protected:
  Result<Workflow> load(const std::string& text, const Overrides& overrides = {}) {
    return load_workflow(posix_file_system(), folder_.write("w.yml", text), overrides);
  }
  Workflow read(const std::string& text, const Overrides& overrides = {}) {
    auto workflow = load(text, overrides);
    EXPECT_TRUE(workflow.ok()) << workflow.status().message();
    return workflow.ok() ? *std::move(workflow) : Workflow();
  }
  Names names(const std::string& text, const Overrides& overrides = {}) {
    Names all;
    for (const WorkflowJob& job : read(text, overrides).jobs) all.push_back(job.name);
    return all;
  }
  /// The message with the folder's name taken out.
  std::string message(const std::string& text, const Overrides& overrides = {}) {
    const auto workflow = load(text, overrides);
    if (workflow.ok()) return "accepted";
    std::string found = workflow.status().message();
    const std::string prefix = folder_.path().string() + "/";
    for (auto at = found.find(prefix); at != std::string::npos; at = found.find(prefix))
      found.erase(at, prefix.size());
    return found;
  }
  static TrainConfig train(const WorkflowJob& job) {
    const auto config = parse_job_config<TrainConfig>(job.config, job.name);
    EXPECT_TRUE(config.ok()) << config.status().message();
    return config.ok() ? *config : TrainConfig();
  }
  static EvaluateConfig evaluation(const WorkflowJob& job) {
    const auto config = parse_job_config<EvaluateConfig>(job.config, job.name);
    EXPECT_TRUE(config.ok()) << config.status().message();
    return config.ok() ? *config : EvaluateConfig();
  }

  TemporaryFolder folder_;
};

}  // namespace tagalign::config
