#include "worker/train/logical_ranks.h"

#include <gmock/gmock.h>

#include "checkpoint/load.h"
#include "tests/unit/jobs/jobs_fixture.h"
#include "worker/train/train_job.h"

namespace tagalign::jobs {
namespace {

using testing::HasSubstr;

class LogicalRanksTest : public JobsTest {
 protected:
  config::TrainConfig bitwise(const std::string& name, std::uint64_t steps = 5) {
    config::TrainConfig c;
    c.runtime.seed = 5;
    c.data = caption_data();
    c.clip.weights = clip_weights();
    c.optimizer.base_lr = 1e-3;
    c.optimizer.lr_reference_batch = 8;
    c.optimizer.determinism = config::Determinism::kBitwise;
    c.checkpoint.directory = (folder_ / name).string();
    c.checkpoint.every_steps = 2;
    c.checkpoint.keep_last = 0;
    c.global_batch = 8;
    c.steps = steps;
    return c;
  }

  std::vector<Result<JobEnd>> train(const config::TrainConfig& config, int world) {
    return run_gang(world, [&](Rank& rank) { return run_train(rank, config); });
  }
  void train_well(const config::TrainConfig& config, int world) {
    for (const auto& end : train(config, world)) ASSERT_TRUE(end.ok()) << end.status().to_string();
  }

  checkpoint::Newest newest(const config::TrainConfig& config) {
    auto found = checkpoint::load_newest(files_, config.checkpoint.directory);
    TA_CHECK(found.ok() && found->found);
    return std::move(*found);
  }
  void expect_same_bits(const config::TrainConfig& a, const config::TrainConfig& b) {
    const auto left = newest(a);
    const auto right = newest(b);
    EXPECT_EQ(left.manifest.position.step, right.manifest.position.step);
    ASSERT_EQ(left.tensors.size(), right.tensors.size());
    for (const auto& [name, tensor] : left.tensors)
      EXPECT_EQ(tensor.bytes, right.tensors.at(name).bytes) << name;
  }
};

TEST_F(LogicalRanksTest, OneTwoAndFourRanks_EndWithTheSameBits) {
  const auto one = bitwise("one");
  train_well(one, 1);
  for (const int world : {2, 4}) {
    const auto other = bitwise("world-" + std::to_string(world));
    train_well(other, world);
    expect_same_bits(one, other);
  }
}

TEST_F(LogicalRanksTest, RunThatGoesOnWithAnotherNumberOfRanks_EndsWithTheSameBits) {
  const auto whole = bitwise("whole", 6);
  train_well(whole, 2);
  auto part = bitwise("part", 2);
  train_well(part, 4);
  part.steps = 4;
  train_well(part, 1);
  part.steps = 6;
  train_well(part, 2);
  expect_same_bits(whole, part);
}

TEST_F(LogicalRanksTest, InOrder_AsManyRanksHaveTheirOwnBits) {
  auto one = bitwise("one");
  auto two = bitwise("two");
  one.optimizer.determinism = two.optimizer.determinism = config::Determinism::kOrder;
  train_well(one, 1);
  train_well(two, 2);
  bool all_equal = true;
  const auto left = newest(one);
  const auto right = newest(two);
  for (const auto& [name, tensor] : left.tensors)
    all_equal = all_equal && tensor.bytes == right.tensors.at(name).bytes;
  EXPECT_FALSE(all_equal) << "then there would be nothing to show above";
}

TEST_F(LogicalRanksTest, RanksThatDoNotDivideThem_AreRefusedWithBothNumbers) {
  auto config = bitwise("three");
  config.global_batch = 12;
  for (const auto& end : train(config, 3)) {
    EXPECT_EQ(end.status().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(end.status().message(), HasSubstr("3 ranks do not divide"));
    EXPECT_THAT(end.status().message(), HasSubstr("logical_ranks 4"));
  }
}

}  // namespace
}  // namespace tagalign::jobs
