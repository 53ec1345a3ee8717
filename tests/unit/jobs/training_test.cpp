#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>

#include "base/format.h"
#include "checkpoint/tensor_adapter.h"
#include "tests/unit/jobs/training_fixture.h"

namespace tagalign::jobs {
namespace {

using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// What must hold for every method that trains.
class EachMethodTest : public TrainingTest, public testing::WithParamInterface<std::string> {
 protected:
  /// TCL's copied blocks begin to train at step 3, in the middle of the run.
  config::TrainConfig method_config(const std::string& name) {
    config::TrainConfig c = train_config(name);
    if (GetParam() == "tagalign_attributes") learn_attributes(c);
    if (GetParam() == "groupvit") {
      c.method = small_groupvit();
      c.clip.weights.clear();
      c.optimizer.eps = 1e-8;
    }
    if (GetParam() != "tcl") return c;
    c.method =
        config::TclTraining{.decoder = {.layers = 1}, .blocks_from_step = 3, .area_prior = 1.0};
    c.data.tags.clear();
    c.data.tag_names.clear();
    return c;
  }
};

INSTANTIATE_TEST_SUITE_P(Methods, EachMethodTest,
                         testing::Values("tagalign", "tagalign_attributes", "tcl", "groupvit"),
                         [](const auto& instance) { return instance.param; });

TEST_P(EachMethodTest, InterruptedRun_SameWorldSize_EndsWithTheSameBits) {
  const auto whole = method_config("whole");
  train(whole, 2);
  // A constant schedule: the same run, ended early as if killed after one of its commits.
  for (const std::uint64_t steps : {2u, 4u}) {
    auto part = method_config(format("part{}", steps));
    part.steps = steps;
    train(part, 2);
    part.steps = 6;
    train(part, 2);
    expect_same_state(whole, part);
    EXPECT_EQ(newest(part).manifest.position.scalars, newest(whole).manifest.position.scalars);
  }
}

TEST_F(TrainingTest, Checkpoint_SaysTheLossesOfAllRanks) {
  const auto config = train_config("losses");
  train(config, 2);
  const auto scalars = newest(config).manifest.position.scalars;
  EXPECT_EQ(scalars.at("loss.steps"), 6);
  EXPECT_GT(scalars.at("loss.mean"), 0);
  EXPECT_NEAR(scalars.at("loss.last"), scalars.at("loss.mean"), 0.5 * scalars.at("loss.mean"));
}

TEST_P(EachMethodTest, StopRequest_BetweenScheduledSteps_SavesUnscheduledAndGoesOnToTheSameBits) {
  const auto whole = method_config("whole");
  train(whole, 2);
  const auto stopped = method_config("stopped");
  train(stopped, 2, JobEnd::kSavedAndLeft,
        [](RecordingReporter& reporter) { reporter.stop_at(3); });
  ASSERT_FALSE(reporters_[0]->checkpoints.empty());
  EXPECT_GT(reporters_[0]->paces.back().start_ms, 0);
  EXPECT_GT(reporters_[0]->paces.back().save_ms, 0);
  EXPECT_EQ(reporters_[0]->checkpoints.back().step, 3u);
  EXPECT_FALSE(reporters_[0]->checkpoints.back().scheduled);
  train(stopped, 2);
  expect_same_state(whole, stopped);
}

TEST_P(EachMethodTest, OneOrTwoRanks_GiveTheSameGradientsButForRounding) {
  auto one = method_config("one");
  one.steps = 1;
  auto two = method_config("two");
  two.steps = 1;
  train(one, 1);
  train(two, 2);
  const auto left = checkpoint::to_tensors(newest(one).tensors);
  const auto right = checkpoint::to_tensors(newest(two).tensors);
  // An activation beside a kink may fall on its other side: on some processors that moves the
  // gradient of a gate, a sum over all of them, by 2e-3 of its value.
  for (const auto& [name, tensor] : left) {
    const bool statistic = name.find(".running_") != std::string::npos;
    if (!statistic && !name.starts_with("optimizer.exp_avg.")) continue;
    EXPECT_TRUE(at::allclose(tensor, right.at(name), 1e-2, 2e-6)) << name;
  }
}

TEST_F(TrainingTest, Restart_ReportsEveryExistingCheckpointAgain) {
  const auto config = train_config("again");
  train(config, 1);
  train(config, 1);
  std::vector<std::uint64_t> steps;
  for (const auto& checkpoint : reporters_[0]->checkpoints) steps.push_back(checkpoint.step);
  EXPECT_THAT(steps, ElementsAre(2, 4, 6));
}

TEST_F(TrainingTest, CheckpointThatNobodyHeardOf_IsReportedBeforeTheRunSucceeds) {
  const auto config = train_config("unheard");
  train(config, 1, JobEnd::kFinished,
        [](RecordingReporter& reporter) { reporter.refuse_checkpoints(1); });
  std::vector<std::uint64_t> steps;
  for (const auto& checkpoint : reporters_[0]->checkpoints) steps.push_back(checkpoint.step);
  EXPECT_THAT(steps, ElementsAre(4, 6, 2));
  const auto deaf = run_gang(
      1, [&](Rank& rank) { return run_train(rank, config); },
      [](RecordingReporter& reporter) { reporter.refuse_checkpoints(100); });
  EXPECT_EQ(deaf[0].status().code(), ErrorCode::kUnavailable);
}

TEST_F(TrainingTest, DamagedNewestCheckpoint_IsSkippedWithANoticeAndTheRunEndsTheSame) {
  const auto whole = train_config("whole");
  train(whole, 1);
  const auto damaged = train_config("damaged");
  train(damaged, 1);
  const Path shard =
      Path(damaged.checkpoint.directory) / "step-00000006" / "rank-00000-of-00001.safetensors";
  ASSERT_TRUE(files_.exists(shard));
  {
    std::fstream file(shard, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1, std::ios::end);
    file.put('\x5a');
  }
  train(damaged, 1);
  ASSERT_EQ(reporters_[0]->notices.size(), 1u);
  EXPECT_THAT(reporters_[0]->notices[0], HasSubstr("step-00000006"));
  expect_same_state(whole, damaged);
}

TEST_F(TrainingTest, OtherConfiguration_IsRefusedAndSaysWhatToDo) {
  auto config = train_config("other");
  train(config, 1);
  config.optimizer.beta1 = 0.8;
  const auto ends = run_gang(1, [&](Rank& rank) { return run_train(rank, config); });
  ASSERT_FALSE(ends[0].ok());
  EXPECT_EQ(ends[0].status().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(ends[0].status().message(), HasSubstr("another configuration"));
  EXPECT_THAT(ends[0].status().message(), HasSubstr("checkpoint.directory"));
}

TEST_F(TrainingTest, Attributes_PullOnTheProjector_AndAreCounted) {
  const auto plain = train_config("plain");
  train(plain, 1);
  const auto without = newest(plain);
  EXPECT_FALSE(without.tensors.contains("attribute_loss.logit_scale"));
  EXPECT_THAT(reporters_[0]->activities.back(), Not(HasSubstr("attributes")));
  auto config = train_config("attributes");
  learn_attributes(config);
  train(config, 2);
  EXPECT_THAT(reporters_[0]->notices,
              ElementsAre("8 of 24 images have no attribute entry and are used without"));
  EXPECT_THAT(reporters_[1]->notices, IsEmpty());
  EXPECT_THAT(reporters_[0]->activities.back(), ContainsRegex("multitag .*, attributes [1-9]"));
  const auto with = newest(config);
  for (const char* name :
       {"attribute_loss.logit_scale", "optimizer.exp_avg.attribute_loss.logit_scale",
        "optimizer.exp_avg_sq.attribute_loss.logit_scale"})
    EXPECT_TRUE(with.tensors.contains(name)) << name;
  EXPECT_EQ(with.tensors.size(), without.tensors.size() + 3);
  EXPECT_NE(with.tensors.at("projector.clip_proj.proj").bytes,
            without.tensors.at("projector.clip_proj.proj").bytes);
}

TEST_F(TrainingTest, Attributes_WithAnyLoaderThreads_GiveTheSameBits) {
  auto one = train_config("one");
  auto three = train_config("three");
  learn_attributes(one);
  learn_attributes(three);
  one.data.loader_threads = 0;
  three.data.loader_threads = 3;
  train(one, 2);
  train(three, 2);
  expect_same_state(one, three);
}

TEST_F(TrainingTest, OtherAttributes_AreRefusedAsAnyOtherRunIs) {
  auto config = train_config("attributes");
  train(config, 1);
  const auto refusal = [&] {
    return run_gang(1, [&](Rank& rank) { return run_train(rank, config); })[0].status().message();
  };
  learn_attributes(config);
  EXPECT_THAT(refusal(), HasSubstr("another configuration"));
  config.checkpoint.directory = (folder_ / "other").string();
  train(config, 1);
  learn_attributes(config, 0.5);
  EXPECT_THAT(refusal(), HasSubstr("another configuration"));
  learn_attributes(config);
  ASSERT_TRUE(files_.write_durable(config.data.attribute_names, "a\nb\nc\nd\ne\n").ok());
  EXPECT_THAT(refusal(), HasSubstr("another data set"));
}

TEST_F(TrainingTest, OtherSettings_AreNamedWithBothValues) {
  auto config = train_config("decode");
  train(config, 1);
  config.data.decode = config::ImageDecoding::kFast;
  config.optimizer.beta1 = 0.125;
  config.optimizer.base_lr = 0.5;  // which alone would do
  const auto end = run_gang(1, [&](Rank& rank) { return run_train(rank, config); })[0];
  EXPECT_THAT(end.status().message(), AllOf(HasSubstr("another configuration"),
                                            HasSubstr("data.decode is \"fast\", was its default"),
                                            HasSubstr("optimizer.beta1 is 0.125, was its default"),
                                            Not(HasSubstr("base_lr"))));
}

TEST_F(TrainingTest, LearningRateAndRanks_MayChange_AndAreToldWithBothValues) {
  auto config = train_config("rate");
  train(config, 1);
  config.optimizer.base_lr = 0.125;
  config.data.loader_threads = 2;
  config.steps = 8;
  train(config, 2);
  EXPECT_THAT(reporters_[0]->notices,
              ElementsAre(AllOf(HasSubstr("going on from step 6 with other settings"),
                                HasSubstr("optimizer.base_lr is 0.125, was its default"),
                                Not(HasSubstr("loader_threads")))));
  EXPECT_EQ(newest(config).manifest.position.step, 8u);
}

TEST_F(TrainingTest, AttributesThatTheMethodCannotLearn_AreNotRead_WithANotice) {
  auto plain = train_config("plain");
  plain.method = config::TclTraining{.decoder = {.layers = 1}};
  train(plain, 2);
  auto shared = plain;
  shared.checkpoint.directory = (folder_ / "shared").string();
  shared.data.attributes = "/nowhere/attributes.json";
  shared.data.attribute_names = "/nowhere/attributes.txt";
  train(shared, 2);
  EXPECT_THAT(reporters_[0]->notices, ElementsAre(HasSubstr("data.attributes is not read")));
  EXPECT_THAT(reporters_[1]->notices, IsEmpty());
  expect_same_state(plain, shared);
  EXPECT_EQ(newest(plain).manifest.position.dataset_digest,
            newest(shared).manifest.position.dataset_digest);
}

std::function<void(RecordingReporter&)> as(const RankIdentity& identity) {
  return [identity](RecordingReporter& reporter) { reporter.set_identity(identity); };
}

TEST_F(TrainingTest, StaleAttempt_CannotTrainWhereANewerOneHoldsTheLease) {
  auto config = train_config("lease");
  train(config, 1, JobEnd::kFinished, as({JobId{4}, Attempt{2}, 0, "c0"}));
  config.steps = 8;
  const auto ends = run_gang(
      1, [&](Rank& rank) { return run_train(rank, config); }, as({JobId{4}, Attempt{1}, 0, "c0"}));
  ASSERT_FALSE(ends[0].ok());
  EXPECT_EQ(ends[0].status().code(), ErrorCode::kAlreadyExists);
}

TEST_F(TrainingTest, LongerRun_AsANewJobThenAlone_GoesOnInTheSameFolder) {
  auto config = train_config("longer");
  train(config, 1, JobEnd::kFinished, as({JobId{4}, Attempt{3}, 0, "c0"}));
  config.steps = 8;
  train(config, 1, JobEnd::kFinished, as({JobId{5}, Attempt{1}, 0, "c0"}));
  config.steps = 10;
  train(config, 2);
  EXPECT_EQ(reporters_[0]->checkpoints.back().step, 10u);
}

TEST_F(TrainingTest, GradientNotFinite_StopsBeforeAnythingIsSaved) {
  auto config = train_config("diverged");
  config.method = config::TagAlignTraining{.infonce_weight = 3e38};
  const auto ends = run_gang(1, [&](Rank& rank) { return run_train(rank, config); });
  ASSERT_FALSE(ends[0].ok());
  EXPECT_THAT(ends[0].status().message(), HasSubstr("gradient norm is"));
  EXPECT_TRUE(reporters_[0]->checkpoints.empty());
}

TEST_P(EachMethodTest, BFloat16_TrainsToAFiniteLoss) {
  auto config = method_config("bf16");
  config.runtime.precision = config::Precision::kBf16;
  config.steps = 2;
  train(config, 1);
  EXPECT_THAT(reporters_[0]->activities.back(), HasSubstr("step 2 of 2, loss "));
}

}  // namespace
}  // namespace tagalign::jobs
