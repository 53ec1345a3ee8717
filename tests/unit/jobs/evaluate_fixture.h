/// Evaluation jobs on one drawn data set, run as ranks of one process.
#pragma once

#include <gmock/gmock.h>

#include <string>
#include <variant>
#include <vector>

#include "coordinator/wire/settings.h"
#include "tests/unit/jobs/jobs_fixture.h"
#include "worker/evaluate/evaluate_job.h"
#include "worker/train/train_job.h"

namespace tagalign::jobs {

class EvaluateTest : public JobsTest {
 protected:
  config::EvaluateConfig evaluate_config(const std::string& output) {
    config::EvaluateConfig c;
    c.clip.weights = clip_weights();
    c.method = config::ClipEvaluation{};
    c.label = "clip-surgery";
    config::SegmentationDataConfig dataset;
    dataset.name = "val";
    dataset.root = (folder_ / "scenes/val").string();
    dataset.short_side = 48;
    dataset.window = 32;
    dataset.stride = 16;
    c.datasets = {dataset};
    c.output = (folder_ / output).string();
    return c;
  }

  static void use_tagalign(config::EvaluateConfig& config, const std::string& checkpoint) {
    config.method = config::TagAlignEvaluation{};
    config.checkpoint = checkpoint;
  }
  static config::TagAlignEvaluation& mix(config::EvaluateConfig& config) {
    return std::get<config::TagAlignEvaluation>(config.method);
  }
  static void set_protocol(config::EvaluateConfig& config, config::Protocol protocol) {
    const auto set = [&](auto& method) {
      if constexpr (requires { method.scores; }) method.scores.protocol = protocol;
    };
    std::visit(set, config.method);
  }

  std::vector<wire::EvaluationResult> evaluate_all(const config::EvaluateConfig& config,
                                                   int world) {
    for (const auto& end :
         run_gang(world, [&](Rank& rank) { return run_evaluate(rank, config); })) {
      EXPECT_TRUE(end.ok()) << end.status().to_string();
    }
    return reporters_[0]->results;
  }

  wire::EvaluationResult evaluate(const config::EvaluateConfig& config, int world) {
    const auto results = evaluate_all(config, world);
    TA_CHECK(results.size() == 1);
    return results[0];
  }

  Status evaluate_error(const config::EvaluateConfig& config) {
    const auto ends = run_gang(1, [&](Rank& rank) { return run_evaluate(rank, config); });
    return ends[0].ok() ? ok_status() : ends[0].status();
  }

  /// Checkpoint of a projector that was trained for two steps.
  std::string checkpoint(config::ProjectorKind kind = config::ProjectorKind::kGDecoder) {
    return checkpoint_of(config::TagAlignTraining{.projector = {.kind = kind}},
                         std::string(config::word(kind)));
  }
  std::string checkpoint_of(const config::TrainingMethod& method, const std::string& name) {
    config::TrainConfig train;
    train.data = caption_data();
    train.clip.weights = clip_weights();
    train.method = method;
    train.checkpoint.directory = (folder_ / name).string();
    train.checkpoint.every_steps = 2;
    train.optimizer.base_lr = 10;  // so that the projector differs from the frozen map
    train.global_batch = 8;
    train.steps = 2;
    const auto ends = run_gang(1, [&](Rank& rank) { return run_train(rank, train); });
    TA_CHECK(ends[0].ok(), ends[0].status().message());
    return (folder_ / name / "step-00000002").string();
  }
};

/// What a run of its own must give, integer by integer.
inline void expect_same_counts(const wire::EvaluationResult& a, const wire::EvaluationResult& b) {
  EXPECT_EQ(a.key, b.key) << wire::shown(a.protocol) << "\n" << wire::shown(b.protocol);
  EXPECT_EQ(a.intersect, b.intersect);
  EXPECT_EQ(a.union_, b.union_);
  EXPECT_EQ(a.predicted, b.predicted);
  EXPECT_EQ(a.labelled, b.labelled);
  EXPECT_EQ(a.images, b.images);
}

}  // namespace tagalign::jobs
