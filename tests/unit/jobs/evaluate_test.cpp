#include <gmock/gmock.h>

#include <fstream>

#include "data/image.h"
#include "tests/unit/jobs/jobs_fixture.h"
#include "worker/jobs/evaluate_job.h"
#include "worker/jobs/result_file.h"
#include "worker/jobs/sheet_job.h"
#include "worker/jobs/train_job.h"

namespace tagalign::jobs {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class EvaluateTest : public JobsTest {
 protected:
  config::EvaluateConfig evaluate_config(const std::string& output) {
    config::EvaluateConfig c;
    c.clip.weights = clip_weights();
    c.method = "clip-surgery";
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

  protocol::EvaluationResult evaluate(const config::EvaluateConfig& config, int world) {
    for (const auto& end :
         run_gang(world, [&](Rank& rank) { return run_evaluate(rank, config); })) {
      EXPECT_TRUE(end.ok()) << end.status().to_string();
    }
    TA_CHECK(reporters_[0]->results.size() == 1);
    return reporters_[0]->results[0];
  }
};

TEST_F(EvaluateTest, AnyNumberOfRanks_GivesTheSameIntegers) {
  const auto one = evaluate(evaluate_config("one"), 1);
  EXPECT_EQ(one.images, 5u);
  std::uint64_t labelled = 0;
  for (const auto count : one.labelled) labelled += count;
  EXPECT_EQ(labelled, 5u * 48 * 48);
  for (const int world : {2, 4}) {
    auto config = evaluate_config("ranks" + std::to_string(world));
    const auto other = evaluate(config, world);
    EXPECT_EQ(other.key, one.key);
    EXPECT_EQ(other.intersect, one.intersect);
    EXPECT_EQ(other.union_, one.union_);
    EXPECT_EQ(other.predicted, one.predicted);
    EXPECT_EQ(other.labelled, one.labelled);
  }
}

TEST_F(EvaluateTest, KnownResult_IsReportedAndNotComputedAgain) {
  const auto config = evaluate_config("known");
  const auto first = evaluate(config, 1);
  auto stored = first;
  stored.intersect[0] += 1;  // not what a computation would give
  ASSERT_TRUE(write_result(files_, config.output, stored).ok());
  EXPECT_EQ(evaluate(config, 1).intersect[0], first.intersect[0] + 1);
}

TEST_F(EvaluateTest, DamagedResultFile_IsComputedAgainWithANotice) {
  const auto config = evaluate_config("damaged");
  const auto first = evaluate(config, 1);
  std::ofstream(result_path(config.output, first.key), std::ios::trunc) << "{\"key\": 3";
  EXPECT_EQ(evaluate(config, 1).intersect, first.intersect);
  EXPECT_THAT(reporters_[0]->notices, SizeIs(1));
}

TEST_F(EvaluateTest, OtherProtocol_HasAnotherKey) {
  auto config = evaluate_config("protocol");
  const auto first = evaluate(config, 1);
  config.datasets[0].stride = 32;
  const auto second = evaluate(config, 1);
  EXPECT_NE(first.key, second.key);
  EXPECT_THAT(second.protocol, HasSubstr("stride=32"));
}

TEST_F(EvaluateTest, Checkpoint_IsLoadedAndNamed) {
  config::TrainConfig train;
  train.data = caption_data();
  train.clip.weights = clip_weights();
  train.checkpoint.directory = (folder_ / "train").string();
  train.checkpoint.every_steps = 2;
  train.global_batch = 8;
  train.steps = 2;
  ASSERT_TRUE(run_gang(2, [&](Rank& rank) { return run_train(rank, train); })[0].ok());
  auto config = evaluate_config("checkpoint");
  config.method = "tagalign";
  config.checkpoint = (folder_ / "train" / "step-00000002").string();
  const auto result = evaluate(config, 2);
  EXPECT_EQ(result.step, 2u);
  EXPECT_THAT(result.weights_digest, HasSubstr("+"));
  EXPECT_THAT(result.protocol, HasSubstr("clip_weight=0.3"));
}

TEST_F(EvaluateTest, LabelOutsideTheClasses_NamesFileAndId) {
  data::Image label{
      .width = 48, .height = 48, .channels = 1, .pixels = std::vector<std::uint8_t>(48 * 48, 200)};
  ASSERT_TRUE(
      files_.write_durable(folder_ / "scenes/val/labels/0002.png", data::encode_png(label)).ok());
  const auto config = evaluate_config("outside");
  const auto ends = run_gang(1, [&](Rank& rank) { return run_evaluate(rank, config); });
  ASSERT_FALSE(ends[0].ok());
  EXPECT_THAT(ends[0].status().message(), HasSubstr("0002"));
  EXPECT_THAT(ends[0].status().message(), HasSubstr("200"));
  EXPECT_TRUE(reporters_[0]->results.empty());
}

TEST_F(EvaluateTest, ForeignCheckpointFolder_SaysWhatIsMissing) {
  auto config = evaluate_config("foreign");
  config.checkpoint = (folder_ / "scenes").string();
  const auto ends = run_gang(1, [&](Rank& rank) { return run_evaluate(rank, config); });
  ASSERT_FALSE(ends[0].ok());
  EXPECT_THAT(ends[0].status().message(), HasSubstr("manifest.json"));
}

TEST_F(EvaluateTest, SavedPredictions_MakeASheet) {
  auto config = evaluate_config("sheet");
  config.save_predictions = 3;
  evaluate(config, 2);
  const Path sheet = folder_ / "sheet.png";
  const auto status =
      write_sheet(files_, {.dataset = folder_ / "scenes/val",
                           .predictions = {folder_ / "sheet/predictions/clip-surgery-step-0/val"},
                           .rows = 3,
                           .output = sheet});
  ASSERT_TRUE(status.ok()) << status.to_string();
  const auto image = data::read_image(files_, sheet, data::ReadAs::kTraining);
  ASSERT_TRUE(image.ok());
  EXPECT_GT(image->width, 3 * 48);
  EXPECT_GT(image->height, 3 * 48);
}

}  // namespace
}  // namespace tagalign::jobs
