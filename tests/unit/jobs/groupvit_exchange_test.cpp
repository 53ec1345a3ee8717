/// What a GroupViT training leaves, through files and back.
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "configs/schema/reading/load.h"
#include "model/training/optimizer.h"
#include "tests/unit/jobs/jobs_fixture.h"
#include "tests/unit/jobs/reference_file.h"
#include "worker/identity/schedule.h"
#include "worker/train/train_job.h"
#include "worker/weights/export_job.h"
#include "worker/weights/import_job.h"
#include "worker/weights/trained_weights.h"
#include "worker/weights/weights_show.h"

namespace tagalign::jobs {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class GroupVitExchangeTest : public JobsTest {
 protected:
  config::TrainConfig train_config(const std::string& name, std::uint64_t steps) {
    config::TrainConfig c;
    c.data = caption_data();
    c.method = small_groupvit();
    c.checkpoint.directory = path(name);
    c.checkpoint.every_steps = 2;
    c.global_batch = 8;
    c.steps = steps;
    return c;
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  Status train(const config::TrainConfig& config) {
    const auto end = run_gang(1, [&](Rank& rank) { return run_train(rank, config); })[0];
    return end.ok() ? ok_status() : end.status();
  }
};

TEST_F(GroupVitExchangeTest, Export_HoldsTheStatisticsAndFitsItsConfiguration) {
  const auto config = train_config("run", 2);
  ASSERT_TRUE(train(config).ok());
  ASSERT_TRUE(files_.write_durable(folder_ / "train.yml", config::dump(config).value()).ok());
  ASSERT_TRUE(export_weights(files_, {.checkpoint = path("run"),
                                      .output = path("a.safetensors"),
                                      .naming = "groupvit"})
                  .ok());
  const auto other = export_weights(
      files_, {.checkpoint = path("run"), .output = path("b.safetensors"), .naming = "dev"});
  EXPECT_THAT(other.status().message(),
              testing::HasSubstr("naming 'dev' is not one of groupvit: expected groupvit"));
  const auto card = nlohmann::json::parse(
      describe_weights(files_, {.file = path("a.safetensors"), .config = path("train.yml")})
          .value()
          .line);
  EXPECT_EQ(card.at("naming"), "groupvit");
  EXPECT_EQ(card.at("projector"),
            "groupvit, stages of 1, 2, 1 blocks, width 32, text of 1 blocks, width 64");
  EXPECT_TRUE(card.at("fits")) << card.at("problems") << card.at("missing")
                               << card.at("unexpected");
  const auto trained = read_trained_weights(files_, path("a.safetensors")).value();
  EXPECT_EQ(
      trained.tensors.at("img_projector.linear_hidden.1.num_batches_tracked").item<std::int64_t>(),
      2);
  EXPECT_TRUE(trained.tensors.contains("multi_label_logit_scale"));
}

TEST_F(GroupVitExchangeTest,
       ReferenceCheckpoint_ImportedWithItsConfiguration_TrainsOnToTheSameBits) {
  auto config = train_config("whole", 4);
  ASSERT_TRUE(train(config).ok());
  const auto half = read_trained_weights(files_, path("whole/step-00000002")).value();
  const double rate =
      model::learning_rate(schedule_of(config.optimizer, config.global_batch, config.steps), 2);
  ASSERT_TRUE(files_.write_durable(folder_ / "reference.pth", reference_file(half, rate, {})).ok());
  ASSERT_TRUE(files_.write_durable(folder_ / "train.yml", config::dump(config).value()).ok());
  const auto imported = import_weights(
      files_,
      {.from = path("reference.pth"), .output = path("resumed"), .config = path("train.yml")});
  ASSERT_TRUE(imported.ok()) << imported.status().message();
  EXPECT_TRUE(imported->resumable);
  EXPECT_THAT(imported->notices, IsEmpty());
  config.checkpoint.directory = path("resumed");
  ASSERT_TRUE(train(config).ok());
  const auto a = read_trained_weights(files_, path("whole/step-00000004")).value();
  const auto b = read_trained_weights(files_, path("resumed/step-00000004")).value();
  for (const auto& [name, tensor] : a.tensors)
    EXPECT_TRUE(at::equal(tensor, b.tensors.at(name))) << name;
  for (const auto& [name, tensor] : a.moments)
    EXPECT_TRUE(at::equal(tensor, b.moments.at(name))) << name;
}

TEST_F(GroupVitExchangeTest, AnotherArchitecture_IsNamedBesideTheConfigured) {
  auto config = train_config("run", 2);
  ASSERT_TRUE(train(config).ok());
  std::get<config::GroupVitTraining>(config.method).text.layers = 3;
  ASSERT_TRUE(files_.write_durable(folder_ / "train.yml", config::dump(config).value()).ok());
  const auto imported = import_weights(
      files_,
      {.from = path("run/step-00000002"), .output = path("other"), .config = path("train.yml")});
  ASSERT_FALSE(imported.ok());
  EXPECT_THAT(imported.status().message(), HasSubstr("text of 3 blocks, width 64"));
  EXPECT_THAT(imported.status().message(), HasSubstr("text of 1 blocks, width 64"));
}

TEST_F(GroupVitExchangeTest, DataThatDoNotFit_AreRefusedBeforeTheFirstStep) {
  auto config = train_config("run", 2);
  config.data.image_size = 36;
  EXPECT_THAT(train(config).message(), HasSubstr("expected a multiple of method.image.patch_size"));
  config = train_config("run", 2);
  config.global_batch = 1;
  EXPECT_THAT(train(config).message(), HasSubstr("global_batch: expected at least 2"));
}

}  // namespace
}  // namespace tagalign::jobs
