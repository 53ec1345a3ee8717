// Evaluations of one process, one after the other: with the weights of the one before, or without.
#include "worker/evaluate/predictor_shelf.h"

#include "tests/unit/jobs/evaluate_fixture.h"

namespace tagalign::jobs {
namespace {

class PredictorShelfTest : public EvaluateTest {
 protected:
  /// By ranks that have a shelf each, which stays.
  wire::EvaluationResult evaluate_again(const config::EvaluateConfig& config) {
    const auto ends = run_gang(static_cast<int>(shelves_.size()), [&](Rank& rank) {
      return run_evaluate(rank, config, shelves_[static_cast<std::size_t>(rank.group.rank())]);
    });
    for (const auto& end : ends) TA_CHECK(end.ok(), end.status().message());
    TA_CHECK(reporters_[0]->results.size() == 1);
    return reporters_[0]->results[0];
  }
  void train(std::uint64_t steps) {
    config::TrainConfig train;
    train.data = caption_data();
    train.clip.weights = clip_weights();
    train.checkpoint.directory = (folder_ / "run").string();
    train.checkpoint.every_steps = 2;
    train.optimizer.base_lr = 10;
    train.global_batch = 8;
    train.steps = steps;
    const auto ends = run_gang(1, [&](Rank& rank) { return run_train(rank, train); });
    TA_CHECK(ends[0].ok(), ends[0].status().message());
  }

  std::vector<PredictorShelf> shelves_ = std::vector<PredictorShelf>(2);
};

TEST_F(PredictorShelfTest, NextOfTheSameWeights_HasTheIntegersOfARunOfItsOwn) {
  train(2);
  config::EvaluateConfig first = evaluate_config("first");
  use_tagalign(first, (folder_ / "run/step-00000002").string());
  (void)evaluate_again(first);
  for (const int stride : {8, 24}) {
    config::EvaluateConfig next = first;
    next.datasets[0].stride = stride;
    next.output = (folder_ / ("again" + std::to_string(stride))).string();
    const auto again = evaluate_again(next);
    next.output = (folder_ / ("alone" + std::to_string(stride))).string();
    expect_same_counts(again, evaluate(next, 1));
  }
}

TEST_F(PredictorShelfTest, OtherPrecisionNext_IsThatOfARunOfItsOwn) {
  config::EvaluateConfig full = evaluate_config("fp32");
  const auto expected = evaluate_again(full);
  config::EvaluateConfig half = full;
  half.runtime.precision = config::Precision::kBf16;
  half.output = (folder_ / "bf16").string();
  const auto again = evaluate_again(half);
  EXPECT_NE(again.predicted, expected.predicted);
  half.output = (folder_ / "bf16 alone").string();
  expect_same_counts(again, evaluate(half, 1));
  full.output = (folder_ / "fp32 again").string();
  expect_same_counts(evaluate_again(full), expected);
}

TEST_F(PredictorShelfTest, OtherMethodBetween_IsLoaded) {
  train(2);
  config::EvaluateConfig trained = evaluate_config("trained");
  use_tagalign(trained, (folder_ / "run/step-00000002").string());
  const auto expected = evaluate_again(trained);
  const auto frozen = evaluate_again(evaluate_config("frozen"));
  EXPECT_NE(frozen.weights_digest, expected.weights_digest);
  trained.output = (folder_ / "later").string();
  expect_same_counts(evaluate_again(trained), expected);
}

TEST_F(PredictorShelfTest, FolderWithANewerCheckpoint_IsReadAnew) {
  train(2);
  config::EvaluateConfig newest = evaluate_config("newest");
  use_tagalign(newest, (folder_ / "run").string());
  const auto before = evaluate_again(newest);
  EXPECT_EQ(before.step, 2u);
  train(4);
  const auto after = evaluate_again(newest);
  EXPECT_EQ(after.step, 4u) << "weights of an older checkpoint were used";
  EXPECT_NE(after.weights_digest, before.weights_digest);
}

}  // namespace
}  // namespace tagalign::jobs
