#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>

#include "coordinator/wire/settings.h"
#include "data/image/image.h"
#include "tests/unit/jobs/jobs_fixture.h"
#include "worker/benchmarks/sheet_job.h"
#include "worker/evaluate/evaluate_job.h"
#include "worker/evaluate/evaluation_protocol.h"
#include "worker/evaluate/result_file.h"
#include "worker/train/train_job.h"

namespace tagalign::jobs {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;
using wire::shown;

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
void expect_same_counts(const wire::EvaluationResult& a, const wire::EvaluationResult& b) {
  EXPECT_EQ(a.key, b.key) << shown(a.protocol) << "\n" << shown(b.protocol);
  EXPECT_EQ(a.intersect, b.intersect);
  EXPECT_EQ(a.union_, b.union_);
  EXPECT_EQ(a.predicted, b.predicted);
  EXPECT_EQ(a.labelled, b.labelled);
  EXPECT_EQ(a.images, b.images);
}

/// What must hold for every method.
class EachMethodEvaluationTest : public EvaluateTest,
                                 public testing::WithParamInterface<std::string> {
 protected:
  config::EvaluateConfig method_config(const std::string& output) {
    config::EvaluateConfig config = evaluate_config(output);
    if (GetParam() == "clip") return config;
    const bool tcl = GetParam() == "tcl";
    config.method = tcl ? config::EvaluationMethod(config::TclEvaluation{})
                        : config::EvaluationMethod(config::TagAlignEvaluation{});
    if (checkpoint_.empty())
      checkpoint_ =
          tcl ? checkpoint_of(config::TclTraining{.blocks_from_step = 1}, "tcl") : checkpoint();
    config.checkpoint = checkpoint_;
    return config;
  }

  std::string checkpoint_;
};

INSTANTIATE_TEST_SUITE_P(Methods, EachMethodEvaluationTest,
                         testing::Values("clip", "tagalign", "tcl"),
                         [](const auto& instance) { return instance.param; });

TEST_P(EachMethodEvaluationTest, AnyNumberOfRanks_GivesTheSameIntegers) {
  const auto one = evaluate(method_config("one"), 1);
  EXPECT_EQ(one.images, 5u);
  std::uint64_t labelled = 0;
  for (const auto count : one.labelled) labelled += count;
  EXPECT_EQ(labelled, 5u * 48 * 48);
  for (const int world : {2, 4}) {
    auto config = method_config("ranks" + std::to_string(world));
    const auto other = evaluate(config, world);
    EXPECT_EQ(other.key, one.key);
    EXPECT_EQ(other.intersect, one.intersect);
    EXPECT_EQ(other.union_, one.union_);
    EXPECT_EQ(other.predicted, one.predicted);
    EXPECT_EQ(other.labelled, one.labelled);
  }
}

TEST_P(EachMethodEvaluationTest, AnyBatch_GivesTheSameIntegers) {
  auto config = method_config("batch1");
  config.read_ahead = 1;
  const auto one = evaluate(config, 1);
  config = method_config("batch16");
  config.read_ahead = 16;
  for (const int world : {1, 2}) {
    config.output = (folder_ / ("batch16-" + std::to_string(world))).string();
    expect_same_counts(evaluate(config, world), one);
  }
}

TEST_P(EachMethodEvaluationTest, AnyNumberOfThreads_GivesTheSameIntegers) {
  auto config = method_config("threads1");
  config.templates = {"full"};  // several passes over the prompts
  const auto one = evaluate(config, 1);
  config.runtime.threads_per_rank = 3;
  for (const int world : {1, 2}) {
    config.output = (folder_ / ("threads3-" + std::to_string(world))).string();
    expect_same_counts(evaluate(config, world), one);
  }
}

TEST_F(EvaluateTest, Bf16_ChangesTheScoresAndIsNamed) {
  auto config = evaluate_config("fp32");
  const auto full = evaluate(config, 1);
  config.output = (folder_ / "bf16").string();
  config.runtime.precision = config::Precision::kBf16;
  const auto half = evaluate(config, 1);
  EXPECT_THAT(shown(half.protocol), HasSubstr(" precision=bf16"));
  EXPECT_NE(half.predicted, full.predicted);
}

TEST_F(EvaluateTest, BrokenImage_EndsAllThreadsWithItsName) {
  auto config = evaluate_config("broken");
  config.runtime.threads_per_rank = 2;
  std::ofstream(folder_ / "scenes/val/images/0003.png", std::ios::trunc) << "no image";
  EXPECT_THAT(evaluate_error(config).message(), HasSubstr("0003.png"));
}

TEST_F(EvaluateTest, StopSeenByOneRank_EndsAllWithoutAResult) {
  const auto config = evaluate_config("stopped");
  int rank = 0;
  const auto ends = run_gang(
      2, [&](Rank& r) { return run_evaluate(r, config); },
      [&](RecordingReporter& reporter) {
        if (rank++ == 0) reporter.stop_at(1);
      });
  for (const auto& end : ends) EXPECT_EQ(end.value(), JobEnd::kSavedAndLeft);
  EXPECT_TRUE(reporters_[0]->results.empty());
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
  EXPECT_THAT(shown(second.protocol), HasSubstr("stride=32"));
}

TEST_F(EvaluateTest, Checkpoint_IsLoadedAndNamed) {
  auto config = evaluate_config("checkpoint");
  config.label = "";
  use_tagalign(config, checkpoint());
  const auto result = evaluate(config, 2);
  EXPECT_EQ(result.step, 2u);
  EXPECT_THAT(result.weights_digest, HasSubstr("+"));
  EXPECT_THAT(shown(result.protocol), HasSubstr("clip_weight=0.3"));
}

TEST_F(EvaluateTest, ThresholdsThatDifferLate_HaveKeysOfTheirOwn) {
  auto config = evaluate_config("digits");
  config.datasets[0].background = true;
  config.sweep.thresholds = {0.1234567, 0.12345671};
  const auto swept = evaluate_all(config, 1);
  EXPECT_NE(swept[0].key, swept[1].key);
}

TEST_F(EvaluateTest, V3_TakesItsSettingsFromTheProtocol) {
  auto config = evaluate_config("v3");
  set_protocol(config, config::Protocol::kV3);
  config.templates = {"subset"};
  config.datasets[0].background = true;
  config.datasets[0].protocols["v3"].background_threshold = 0.25;
  const auto v3 = evaluate(config, 1);
  EXPECT_THAT(shown(v3.protocol),
              StartsWith("v3 attention=surgery clip_weight=1 scale=30 short_side=48 "));
  EXPECT_THAT(shown(v3.protocol), EndsWith(" background=0.25"));
  EXPECT_THAT(shown(v3.protocol), HasSubstr(" templates=" + describe_templates({"subset"})));
  EXPECT_THAT(shown(v3.protocol), Not(HasSubstr("bias")));
  set_protocol(config, config::Protocol::kV1);
  const auto v1 = evaluate(config, 1);
  EXPECT_THAT(shown(v1.protocol),
              StartsWith("v1 attention=surgery clip_weight=1 scale=10 bias=-2.5 "));
  EXPECT_THAT(shown(v1.protocol), EndsWith(" background=0.4"));
  EXPECT_NE(v1.key, v3.key);
  EXPECT_NE(v1.predicted, v3.predicted);
}

TEST_F(EvaluateTest, Templates_AreRecordedByNameNumberAndDigest) {
  EXPECT_THAT(describe_templates({"full"}), MatchesRegex("full\\(80\\):[0-9a-f]{8}"));
  EXPECT_THAT(describe_templates({"subset", "maskclip"}), StartsWith("subset+maskclip(12):"));
  EXPECT_THAT(describe_templates({"a {}.", "the {}."}), StartsWith("own(2):"));
  EXPECT_NE(describe_templates({"a {}.", "the {}."}), describe_templates({"the {}.", "a {}."}));
}

TEST_F(EvaluateTest, Sweep_EachResult_EqualsARunOfItsOwn) {
  auto config = evaluate_config("sweep");
  use_tagalign(config, checkpoint());
  config.datasets[0].background = true;
  config.sweep = {.thresholds = {0.05, 0.1, 0.4}, .clip_weights = {0.0, 0.6}};
  const auto swept = evaluate_all(config, 2);
  ASSERT_EQ(swept.size(), 6u);
  config.output = (folder_ / "separate").string();
  config.sweep = {};
  std::size_t next = 0;
  for (const double weight : {0.0, 0.6}) {
    for (const double threshold : {0.05, 0.1, 0.4}) {
      mix(config).clip_weight = weight;
      config.datasets[0].background_threshold = threshold;
      expect_same_counts(swept[next++], evaluate(config, 1));
    }
  }
  EXPECT_NE(swept[0].predicted, swept[2].predicted);
  EXPECT_NE(swept[0].predicted, swept[3].predicted);
}

TEST_F(EvaluateTest, SweepUnderV3_HasTheSameIntegersForAnyNumberOfRanks) {
  auto config = evaluate_config("ranks1");
  set_protocol(config, config::Protocol::kV3);
  use_tagalign(config, checkpoint());
  config.datasets[0].background = true;
  config.sweep = {.thresholds = {0.1, 0.2}, .clip_weights = {0.3, 0.5}};
  const auto one = evaluate_all(config, 1);
  ASSERT_EQ(one.size(), 4u);
  for (const int world : {2, 4}) {
    config.output = (folder_ / ("ranks" + std::to_string(world))).string();
    const auto other = evaluate_all(config, world);
    ASSERT_EQ(other.size(), one.size());
    for (std::size_t i = 0; i < one.size(); ++i) expect_same_counts(other[i], one[i]);
  }
}

TEST_F(EvaluateTest, SweepOfWhichOneResultIsMissing_ReplacesNoOther) {
  auto config = evaluate_config("resweep");
  config.datasets[0].background = true;
  config.sweep.thresholds = {0.1, 0.2};
  const auto first = evaluate_all(config, 1);
  ASSERT_TRUE(files_.remove_all(result_path(config.output, first[1].key)).ok());
  auto stored = first[0];
  stored.intersect[0] += 1;  // not what a computation would give
  ASSERT_TRUE(write_result(files_, config.output, stored).ok());
  const auto second = evaluate_all(config, 1);
  expect_same_counts(second[0], stored);
  expect_same_counts(second[1], first[1]);
  EXPECT_EQ(read_result(files_, config.output, stored.key)->intersect, stored.intersect);
}

TEST_F(EvaluateTest, OrderOfDataSetsAndOfCombinations_ChangesNoInteger) {
  auto config = evaluate_config("order");
  config.datasets[0].background = true;
  config.datasets.push_back(config.datasets[0]);
  config.datasets[1].name = "other";
  config.datasets[1].stride = 32;
  config.sweep.thresholds = {0.1, 0.2};
  auto first = evaluate_all(config, 1);
  std::swap(config.datasets[0], config.datasets[1]);
  config.sweep.thresholds = {0.2, 0.1};
  config.output = (folder_ / "turned").string();
  auto second = evaluate_all(config, 1);
  ASSERT_EQ(first.size(), 4u);
  ASSERT_EQ(second.size(), 4u);
  for (auto* results : {&first, &second}) {
    std::ranges::sort(*results, {}, &wire::EvaluationResult::key);
  }
  for (std::size_t i = 0; i < 4; ++i) expect_same_counts(first[i], second[i]);
}

TEST_F(EvaluateTest, SweepOfTheMixWithoutAProjector_IsRefused) {
  auto config = evaluate_config("frozen");
  config.sweep.clip_weights = {0.1, 0.2};
  EXPECT_THAT(evaluate_error(config).message(), HasSubstr("sweep.clip_weights: expected a method"));
}

TEST_F(EvaluateTest, WhatTheReferenceCannotDo_IsSaidWithTheResult) {
  auto config = evaluate_config("reference");
  config.datasets[0].protocols["v1"].in_reference = false;
  EXPECT_THAT(shown(evaluate(config, 1).protocol), HasSubstr(" reference=none"));
  EXPECT_THAT(reporters_[0]->notices,
              ElementsAre(HasSubstr("cannot evaluate val under protocol v1")));
  set_protocol(config, config::Protocol::kV3);
  EXPECT_THAT(shown(evaluate(config, 1).protocol), Not(HasSubstr("reference=none")));
  EXPECT_TRUE(reporters_[0]->notices.empty());
}

TEST_F(EvaluateTest, TransformerUnderV3_WorksWithMixing_AndSaysThatNoReferenceExists) {
  auto config = evaluate_config("transformer");
  use_tagalign(config, checkpoint(config::ProjectorKind::kTransformer));
  set_protocol(config, config::Protocol::kV3);
  const auto mixed = evaluate(config, 1);
  EXPECT_THAT(shown(mixed.protocol), HasSubstr("clip_weight=0.5"));
  EXPECT_THAT(shown(mixed.protocol), HasSubstr(" reference=none"));
  EXPECT_THAT(reporters_[0]->notices, ElementsAre(HasSubstr("fails for the Transformer")));
  mix(config).clip_weight = 0;
  EXPECT_THAT(shown(evaluate(config, 1).protocol), Not(HasSubstr("reference=none")));
  mix(config).clip_weight = std::nullopt;
  config.sweep.clip_weights = {0, 0.3};
  const auto swept = evaluate_all(config, 1);
  EXPECT_THAT(shown(swept[0].protocol), Not(HasSubstr("reference=none")));
  EXPECT_THAT(shown(swept[1].protocol), HasSubstr(" reference=none"));
  config.sweep = {};
  set_protocol(config, config::Protocol::kV1);
  EXPECT_THAT(shown(evaluate(config, 1).protocol), Not(HasSubstr("reference=none")));
}

TEST_F(EvaluateTest, ClassCalledBackgroundWithoutItsHandling_IsSaid) {
  auto config = evaluate_config("named");
  config.datasets[0].class_names = {"background"};
  for (int i = 1; i < 20; ++i) {
    config.datasets[0].class_names.push_back("thing " + std::to_string(i));
  }
  evaluate(config, 1);
  EXPECT_THAT(reporters_[0]->notices, ElementsAre(HasSubstr("set background: true")));
  config.datasets[0].background = true;
  evaluate(config, 1);
  EXPECT_TRUE(reporters_[0]->notices.empty());
}

TEST_F(EvaluateTest, V3WithABackgroundThatHasNoThreshold_IsRefused) {
  auto config = evaluate_config("threshold");
  set_protocol(config, config::Protocol::kV3);
  config.datasets[0].background = true;
  EXPECT_THAT(evaluate_error(config).message(), HasSubstr("set background_threshold"));
}

TEST_F(EvaluateTest, ImageNetSRule_ShrinksImages_AndCountsAtTheLabelsSize) {
  const Path root = folder_ / "imagenets";
  const auto sample =
      data::read_image(files_, folder_ / "scenes/val/images/0001.png", data::ReadAs::kEvaluation);
  ASSERT_TRUE(sample.ok()) << sample.status().message();
  data::Image label{
      .width = 48, .height = 48, .channels = 3, .pixels = std::vector<std::uint8_t>(48 * 48 * 3)};
  for (std::size_t i = 0; i < 48 * 48; ++i) {
    label.pixels[3 * i] = i < 48 ? 1000 % 256 : 44;  // ignored; then class 300
    label.pixels[3 * i + 1] = i < 48 ? 1000 / 256 : 1;
  }
  const auto put = [&](const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(files_.create_directories((root / name).parent_path()).ok());
    ASSERT_TRUE(files_.write_durable(root / name, bytes).ok());
  };
  put("validation/n01/a_1.JPEG", data::encode_jpeg(*sample, 90));
  put("labels/n01/a_1.png", data::encode_png(label));
  auto config = evaluate_config("shrunk");
  config::SegmentationDataConfig& data = config.datasets[0];
  data.root = root.string();
  data.images = "validation";
  data.labels = "labels";
  data.image_suffix = ".JPEG";
  data.label_encoding = config::LabelEncoding::kRgb16;
  data.ignore_index = 1000;
  data.max_pixels = 1000;
  data.max_pixels_side = 30;
  data.background = true;
  for (int i = 0; i < 301; ++i) data.class_names.push_back("thing " + std::to_string(i));
  const auto result = evaluate(config, 1);
  EXPECT_EQ(result.labelled[300], 47u * 48);
  std::uint64_t predicted = 0;
  for (const auto count : result.predicted) predicted += count;
  EXPECT_EQ(predicted, 47u * 48);
  EXPECT_THAT(shown(result.protocol), HasSubstr(" max_pixels=1000/30 "));
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
  use_tagalign(config, (folder_ / "scenes").string());
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
