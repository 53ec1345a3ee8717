// What may differ between two attempts of one run, and what makes another of it.
#include "worker/train/commits/same_run.h"

#include <gmock/gmock.h>

#include "configs/schema/jobs/job_configs.h"
#include "worker/identity/config_identity.h"

namespace tagalign::jobs {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

config::TrainConfig some_config() {
  config::TrainConfig c;
  c.data = {.root = "r", .captions = "c", .tags = "t", .tag_names = "n"};
  c.clip.weights = "w";
  return c;
}

checkpoint::RunPosition position_of(const config::TrainConfig& c, int world = 2) {
  const ConfigIdentity identity =
      identity_of(config::digest_lines(c), config::lines_that_keep_numbers(c));
  checkpoint::RunPosition position;
  position.step = 7;
  position.world_size = world;
  position.dataset_digest = "d1";
  position.model_digest = "m1";
  position.config_digest = identity.digest;
  position.settings = identity.settings;
  position.code = "0.1.0";
  return position;
}

Result<AllowedChanges> compare(const config::TrainConfig& now, const config::TrainConfig& then) {
  return compare_runs(position_of(now), position_of(then), "ck");
}

TEST(SameRun, EqualSettings_SayNothing) {
  const auto same = compare(some_config(), some_config());
  ASSERT_TRUE(same.ok());
  EXPECT_THAT(same->told + same->silent, IsEmpty());
}

TEST(SameRun, CourseOfTheRate_MayChange_AndIsToldWithBothValues) {
  auto now = some_config();
  now.optimizer.base_lr = 0.25;
  now.optimizer.schedule = config::ScheduleKind::kCosine;
  now.optimizer.min_lr = 0.125;
  now.steps = 50;
  const auto changes = compare(now, some_config());
  ASSERT_TRUE(changes.ok()) << changes.status().to_string();
  EXPECT_THAT(changes->told, AllOf(HasSubstr("optimizer.base_lr is 0.25, was its default"),
                                   HasSubstr("optimizer.min_lr is 0.125"),
                                   HasSubstr("optimizer.schedule is \"cosine\""),
                                   HasSubstr("steps is 50, was its default")));
  EXPECT_THAT(changes->silent, IsEmpty());
}

TEST(SameRun, WhatKeepsTheNumbers_MayChange_AndIsLogged) {
  auto now = some_config();
  auto then = some_config();
  now.optimizer.sharding = config::OptimizerSharding::kZero1;
  now.data.loader_threads = 3;
  now.data.root = "elsewhere";
  then.checkpoint.keep_last = 9;
  const auto changes = compare_runs(position_of(now, 4), position_of(then), "ck");
  ASSERT_TRUE(changes.ok());
  EXPECT_THAT(changes->told, IsEmpty());
  EXPECT_THAT(changes->silent, AllOf(HasSubstr("optimizer.sharding is \"zero1\", was its default"),
                                     HasSubstr("data.loader_threads is 3"),
                                     HasSubstr("data.root is \"elsewhere\", was \"r\""),
                                     HasSubstr("checkpoint.keep_last is its default, was 9"),
                                     HasSubstr("the number of ranks is 4, was 2")));
}

TEST(SameRun, AnythingElse_IsRefusedWithBothValues) {
  const auto refusal = [](auto change) {
    auto now = some_config();
    now.optimizer.base_lr = 0.25;
    change(now);
    const auto changes = compare(now, some_config());
    EXPECT_EQ(changes.status().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(changes.status().message(), Not(HasSubstr("base_lr")));
    return changes.status().message();
  };
  EXPECT_THAT(refusal([](auto& c) { c.global_batch = 8; }),
              HasSubstr("global_batch is 8, was its default"));
  EXPECT_THAT(refusal([](auto& c) { c.runtime.seed = 2; }), HasSubstr("runtime.seed is 2"));
  EXPECT_THAT(refusal([](auto& c) { c.runtime.precision = config::Precision::kBf16; }),
              HasSubstr("runtime.precision is \"bf16\""));
  EXPECT_THAT(refusal([](auto& c) { c.optimizer.weight_decay = 0; }),
              HasSubstr("optimizer.weight_decay is 0, was its default"));
  EXPECT_THAT(refusal([](auto& c) { c.method = config::TclTraining{}; }),
              HasSubstr("method.name is \"tcl\""));
}

TEST(SameRun, OtherDataOrFrozenModel_IsRefusedWithBothValues) {
  const auto run = position_of(some_config());
  auto data = run, model = run;
  data.dataset_digest = "d2";
  model.model_digest = "m2";
  EXPECT_THAT(compare_runs(run, data, "ck").status().message(),
              AllOf(HasSubstr("another data set"), HasSubstr("expected d1, found d2")));
  EXPECT_THAT(compare_runs(run, model, "ck").status().message(),
              AllOf(HasSubstr("another frozen model"), HasSubstr("expected m1, found m2")));
}

TEST(SameRun, CheckpointThatDoesNotSayItsSettings_NeedsAnEqualDigest) {
  auto found = position_of(some_config());
  found.code.clear();
  found.settings.clear();
  auto now = some_config();
  EXPECT_TRUE(compare_runs(position_of(now), found, "ck").ok());
  now.optimizer.base_lr = 0.25;
  EXPECT_EQ(compare_runs(position_of(now), found, "ck").status().code(),
            ErrorCode::kInvalidArgument);
}

TEST(SameRun, DigestOfAnotherFormat_IsAnotherConfiguration) {
  const auto run = position_of(some_config());
  auto found = run;
  found.config_digest = "0" + run.config_digest.substr(1);
  EXPECT_THAT(compare_runs(run, found, "ck").status().message(),
              HasSubstr("another configuration"));
}

}  // namespace
}  // namespace tagalign::jobs
