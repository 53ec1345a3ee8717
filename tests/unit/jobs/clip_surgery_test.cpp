// CLIP Surgery by the way that an evaluation takes.
#include <gmock/gmock.h>

#include <algorithm>

#include "data/image/image.h"
#include "tests/unit/jobs/jobs_fixture.h"
#include "worker/evaluate/evaluate_job.h"

namespace tagalign::jobs {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::SizeIs;

class ClipSurgeryTest : public JobsTest {
 protected:
  config::EvaluateConfig surgery_config(const std::string& output) {
    config::EvaluateConfig c;
    c.clip.weights = clip_weights();
    c.method = config::ClipSurgeryEvaluation{};
    c.templates = {"simple"};
    c.datasets = {{.name = "val", .root = (folder_ / "scenes/val").string(), .short_side = 64}};
    c.multilabel = true;
    c.output = (folder_ / output).string();
    return c;
  }
  wire::EvaluationResult evaluate(const config::EvaluateConfig& config, int world = 1) {
    for (const auto& end : run_gang(world, [&](Rank& rank) { return run_evaluate(rank, config); }))
      EXPECT_TRUE(end.ok()) << end.status().to_string();
    TA_CHECK(reporters_[0]->results.size() == 1);
    return reporters_[0]->results[0];
  }
  std::string read(const Path& path) {
    const auto text = files_.read_file(path, 1 << 20);
    EXPECT_TRUE(text.ok()) << text.status().message();
    return text.ok() ? *text : "";
  }
};

TEST_F(ClipSurgeryTest, AnyRanksAndThreads_GiveTheSameIntegers) {
  const auto one = evaluate(surgery_config("one"));
  EXPECT_EQ(one.images, 5u);
  EXPECT_TRUE(std::ranges::any_of(one.average_precision, [](auto value) { return value > 0; }));
  auto config = surgery_config("several");
  config.runtime.threads_per_rank = 2;
  const auto several = evaluate(config, 2);
  EXPECT_EQ(several.key, one.key);
  EXPECT_EQ(several.intersect, one.intersect);
  EXPECT_EQ(several.predicted, one.predicted);
  EXPECT_EQ(several.average_precision, one.average_precision);
}

TEST_F(ClipSurgeryTest, ArgmaxSurgery_IsAnotherResult) {
  const auto cosine = evaluate(surgery_config("cosine"));
  auto config = surgery_config("surgery");
  config.method = config::ClipSurgeryEvaluation{.argmax = config::SurgeryArgmax::kSurgery};
  const auto surgery = evaluate(config);
  EXPECT_NE(surgery.key, cosine.key);
  EXPECT_NE(surgery.predicted, cosine.predicted);
  EXPECT_EQ(surgery.labelled, cosine.labelled);
}

TEST_F(ClipSurgeryTest, Refined_SharpensItsScores) {
  const auto plain = evaluate(surgery_config("plain"));
  auto config = surgery_config("refined");
  config.refine = config::RefinePamr{.iterations = 2, .dilations = {1, 2}};
  const auto refined = evaluate(config);
  EXPECT_NE(refined.key, plain.key);
  EXPECT_NE(refined.predicted, plain.predicted);
}

TEST_F(ClipSurgeryTest, SavedPredictions_HaveMapsAndPointsBesideThem) {
  auto config = surgery_config("saved");
  config.save_predictions = 2;
  const auto result = evaluate(config);
  const Path folder = folder_ / "saved/predictions/clip-surgery-step-0";
  EXPECT_TRUE(files_.exists(folder / "val/0001.png"));
  EXPECT_FALSE(files_.exists(folder / "val.points/0002.json"));
  EXPECT_THAT(read(folder / "val.points/0001.json"),
              AllOf(HasSubstr(R"("image": "0001")"), HasSubstr(R"("width": 48)"),
                    HasSubstr(R"("class": ")" + result.classes.back() + R"(")"),
                    HasSubstr(R"("points": [)"), HasSubstr(R"("labels": [)")));
  for (std::size_t i = 0; i < result.classes.size(); ++i) {
    const auto map =
        data::read_label_png(files_, folder / "val.maps/0001" / (std::to_string(i) + ".png"));
    ASSERT_TRUE(map.ok()) << map.status().message();
    EXPECT_EQ(map->width, 48);
    EXPECT_GT(std::ranges::max(map->ids), 0);
    EXPECT_LE(std::ranges::max(map->ids), 255);
  }
}

TEST_F(ClipSurgeryTest, Background_NeedsAThreshold_AndHasNoPoints) {
  auto config = surgery_config("background");
  config.datasets[0].background = true;
  const auto ends = run_gang(1, [&](Rank& rank) { return run_evaluate(rank, config); });
  ASSERT_FALSE(ends[0].ok());
  EXPECT_THAT(ends[0].status().message(),
              HasSubstr("protocol clip-surgery has no background threshold of its own; set "
                        "background_threshold"));
  config.datasets[0].background_threshold = 0.1;
  config.save_predictions = 1;
  const auto result = evaluate(config);
  EXPECT_EQ(result.average_precision.front(), -1);
  const Path folder = folder_ / "background/predictions/clip-surgery-step-0";
  EXPECT_FALSE(files_.exists(folder / "val.maps/0000/0.png"));
  EXPECT_TRUE(files_.exists(folder / "val.maps/0000/1.png"));
}

}  // namespace
}  // namespace tagalign::jobs
