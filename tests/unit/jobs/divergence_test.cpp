// What a training does with a step that it must not learn from.
#include "worker/train/divergence.h"

#include <ATen/ops/full_like.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>

#include <limits>

#include "checkpoint/load.h"
#include "tests/unit/jobs/jobs_fixture.h"

namespace tagalign::jobs {
namespace {

using config::DivergenceChoice;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// One weight a sample column; at some batches, by their place in the data, the loss is another.
class OddTask final : public TrainingTask {
 public:
  explicit OddTask(std::map<std::uint64_t, double> factors) : factors_(std::move(factors)) {
    at::Tensor weight = at::ones({4});
    weight.set_requires_grad(true);
    parameters_.push_back({"head.weight", weight});
  }
  const model::Parameters& parameters() const override { return parameters_; }
  Loss loss(const data::TrainingBatch& batch, collectives::CollectiveGroup&) override {
    seen.push_back(batch.step);
    const auto factor = factors_.find(batch.step);
    at::Tensor total = parameters_[0].tensor.square().mean();
    if (factor != factors_.end()) total = total * factor->second;
    return {total, {{"square", total.detach()}}};
  }
  std::vector<std::uint64_t> seen;

 private:
  model::Parameters parameters_;
  std::map<std::uint64_t, double> factors_;
};

class DivergenceTest : public JobsTest {
 protected:
  TrainerOptions options(DivergenceChoice choice, std::uint64_t steps = 8) {
    TrainerOptions o{.label = "train"};
    o.data = caption_data();
    o.optimizer.base_lr = 1e-3;
    o.optimizer.lr_reference_batch = 4;
    o.optimizer.on_divergence = choice;
    o.checkpoint = {.directory = (folder_ / "run").string(), .every_steps = 3, .keep_last = 0};
    o.global_batch = 4;
    o.steps = steps;
    return o;
  }
  Result<JobEnd> train(OddTask& task, const TrainerOptions& o) {
    return run_gang(1, [&](Rank& rank) -> Result<JobEnd> {
      TA_ASSIGN_OR_RETURN(const auto dataset, open_caption_dataset(rank, o.data, false));
      return run_training(rank, task, dataset, o);
    })[0];
  }
  std::string notices() const {
    std::string all;
    for (const auto& text : reporters_[0]->notices) all += text + "\n";
    return all;
  }
};

TEST_F(DivergenceTest, Stop_NamesStepTensorAndBatch) {
  OddTask task({{4, kNan}});
  const auto end = train(task, options(DivergenceChoice::kStop));
  ASSERT_FALSE(end.ok());
  const std::string& message = end.status().message();
  EXPECT_THAT(message, HasSubstr("train step 5: the gradient norm is nan"));
  EXPECT_THAT(message, HasSubstr("first of all, loss part 'square' is nan"));
  EXPECT_THAT(message, HasSubstr("samples 16 to 19 (epoch 0), of which this rank had "));
}

TEST_F(DivergenceTest, Stop_RightAfterASaveWasBegun_StillCommitsIt) {
  OddTask task({{3, kNan}});
  ASSERT_FALSE(train(task, options(DivergenceChoice::kStop)).ok());
  ASSERT_EQ(reporters_[0]->checkpoints.size(), 1u);
  EXPECT_EQ(checkpoint::load_newest(files_, folder_ / "run")->manifest.position.step, 3u);
}

TEST_F(DivergenceTest, Skip_LeavesTheWeightsAlone_AndCountsTheStep) {
  OddTask task({{4, kNan}});
  const auto end = train(task, options(DivergenceChoice::kSkip));
  ASSERT_TRUE(end.ok()) << end.status().to_string();
  EXPECT_THAT(task.seen, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(notices(), HasSubstr("train step 5: the gradient norm is nan"));
  EXPECT_TRUE(task.parameters()[0].tensor.isfinite().all().item<bool>());
  EXPECT_EQ(reporters_[0]->checkpoints.back().step, 8u);
}

TEST_F(DivergenceTest, Skip_InterruptedInBetween_EndsWithTheSameBits) {
  OddTask whole({{4, kNan}});
  ASSERT_TRUE(train(whole, options(DivergenceChoice::kSkip)).ok());
  std::filesystem::remove_all(folder_ / "run");
  for (const std::uint64_t steps : {5u, 8u}) {
    OddTask part({{4, kNan}});
    ASSERT_TRUE(train(part, options(DivergenceChoice::kSkip, steps)).ok());
    if (steps == 8) {
      EXPECT_TRUE(part.parameters()[0].tensor.equal(whole.parameters()[0].tensor));
    }
  }
}

TEST_F(DivergenceTest, Rewind_GoesBackToTheCommit_AndPassesOverTheDataUpToThere) {
  OddTask task({{4, kNan}});
  const auto end = train(task, options(DivergenceChoice::kRewind));
  ASSERT_TRUE(end.ok()) << end.status().to_string();
  // Committed after 3 steps; batches 3 and 4 are left out, and 8 steps are made all the same.
  EXPECT_THAT(task.seen, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_THAT(notices(), HasSubstr("rewound to step 3, going on at sample 20"));
  const auto newest = checkpoint::load_newest(files_, folder_ / "run");
  EXPECT_EQ(newest->manifest.position.step, 8u);
  EXPECT_EQ(newest->manifest.position.samples, 40u);
}

TEST_F(DivergenceTest, Rewound_ThenInterrupted_GoesOnBehindTheBadBatch) {
  OddTask whole({{4, kNan}});
  ASSERT_TRUE(train(whole, options(DivergenceChoice::kRewind)).ok());
  std::filesystem::remove_all(folder_ / "run");
  OddTask first({{4, kNan}});
  ASSERT_TRUE(train(first, options(DivergenceChoice::kRewind, 6)).ok());
  OddTask second({{4, kNan}});
  ASSERT_TRUE(train(second, options(DivergenceChoice::kRewind)).ok());
  EXPECT_THAT(second.seen, ElementsAre(8, 9));
  EXPECT_TRUE(second.parameters()[0].tensor.equal(whole.parameters()[0].tensor));
}

TEST_F(DivergenceTest, Rewind_WithoutACheckpoint_SaysSo) {
  OddTask task({{1, kNan}});
  const auto end = train(task, options(DivergenceChoice::kRewind));
  ASSERT_FALSE(end.ok());
  EXPECT_THAT(end.status().message(), HasSubstr("no checkpoint yet to rewind to"));
}

TEST_F(DivergenceTest, RepeatedStepThatComesOutOtherwise_IsToldOnce) {
  OddTask whole({});
  ASSERT_TRUE(train(whole, options(DivergenceChoice::kStop, 6)).ok());
  const auto repeat = [&](double factor) {
    std::filesystem::remove_all(folder_ / "run/step-00000006");
    OddTask again({{4, factor}});
    EXPECT_TRUE(train(again, options(DivergenceChoice::kStop, 6)).ok());
    EXPECT_THAT(again.seen, ElementsAre(3, 4, 5));
    return reporters_[0]->notices;
  };
  EXPECT_THAT(repeat(1.0), IsEmpty());
  EXPECT_THAT(repeat(2.0), ElementsAre(HasSubstr("train: step 5 came out otherwise than before")));
  EXPECT_THAT(repeat(2.0), IsEmpty()) << "as it did the last time";
}

TEST_F(DivergenceTest, TooMany_EndTheJob) {
  std::map<std::uint64_t, double> factors;
  for (std::uint64_t step = 4; step < 8; ++step) factors[step] = kNan;
  auto o = options(DivergenceChoice::kSkip);
  o.checkpoint.every_steps = 100;
  o.optimizer.divergences_max = 2;
  OddTask task(factors);
  const auto end = train(task, o);
  ASSERT_FALSE(end.ok());
  EXPECT_THAT(end.status().message(), HasSubstr("train step 7"));
  EXPECT_THAT(end.status().message(), HasSubstr("3 since the newest checkpoint"));
}

TEST_F(DivergenceTest, LossThatLeaps_IsSkippedOnceTheMeanIsKnown) {
  auto o = options(DivergenceChoice::kSkip, 130);
  o.optimizer.loss_spike = 3;
  OddTask task({{50, 100.0}, {120, 100.0}});
  ASSERT_TRUE(train(task, o).ok());
  EXPECT_THAT(notices(), HasSubstr("train step 121: the loss leapt to"));
  EXPECT_EQ(reporters_[0]->notices.size(), 1u) << "before 100 steps nothing is a spike";
}

TEST(LossMean, Resumed_SeesTheSameSpikes) {
  LossMean whole;
  for (int i = 0; i < 150; ++i) whole.add(1.0 + 0.01 * i);
  LossMean resumed;
  resumed.restore(whole.scalars());
  EXPECT_EQ(resumed.value(), whole.value());
  EXPECT_TRUE(resumed.is_spike(10, 3));
  EXPECT_FALSE(LossMean().is_spike(10, 3));
}

TEST(FixedPoint, NegativeLosses_AddUp) {
  const std::uint64_t sum = to_fixed_point(-2.5) + to_fixed_point(1.25);
  EXPECT_DOUBLE_EQ(from_fixed_point(sum), -1.25);
}

}  // namespace
}  // namespace tagalign::jobs
