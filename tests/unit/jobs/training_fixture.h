/// Trainings of a small TagAlign, 6 steps of 8 of 24 images, and comparison of what they leave behind.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>

#include "checkpoint/load.h"
#include "tests/unit/jobs/jobs_fixture.h"
#include "worker/train/train_job.h"

namespace tagalign::jobs {

class TrainingTest : public JobsTest {
 protected:
  config::TrainConfig train_config(const std::string& name) {
    config::TrainConfig c;
    c.runtime.seed = 5;
    c.runtime.log_every_steps = 1;
    c.data = caption_data();
    c.clip.weights = clip_weights();
    c.optimizer.base_lr = 1e-3;
    c.optimizer.lr_reference_batch = 8;
    c.checkpoint.directory = (folder_ / name).string();
    c.checkpoint.every_steps = 2;
    c.global_batch = 8;
    c.steps = 6;
    return c;
  }

  void train(const config::TrainConfig& config, int world, JobEnd expected = JobEnd::kFinished,
             const std::function<void(RecordingReporter&)>& adjust = {}) {
    for (const auto& end : run_gang(
             world, [&](Rank& rank) { return run_train(rank, config); }, adjust)) {
      ASSERT_TRUE(end.ok()) << end.status().to_string();
      EXPECT_EQ(*end, expected);
    }
  }

  checkpoint::Newest newest(const config::TrainConfig& config) {
    auto found = checkpoint::load_newest(files_, config.checkpoint.directory);
    TA_CHECK(found.ok() && found->found);
    return std::move(*found);
  }

  void expect_same_state(const config::TrainConfig& a, const config::TrainConfig& b) {
    const auto left = newest(a);
    const auto right = newest(b);
    EXPECT_EQ(left.manifest.position.step, right.manifest.position.step);
    ASSERT_EQ(left.tensors.size(), right.tensors.size());
    for (const auto& [name, tensor] : left.tensors) {
      ASSERT_TRUE(right.tensors.contains(name)) << name;
      EXPECT_EQ(tensor.bytes, right.tensors.at(name).bytes) << name;
    }
  }
};

}  // namespace tagalign::jobs
