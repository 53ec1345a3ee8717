// How the way of measuring (protocols, thresholds, templates, label rules) shows in a result.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>

#include "data/image/image.h"
#include "tests/unit/jobs/evaluate_fixture.h"
#include "worker/evaluate/evaluation_protocol.h"
#include "worker/evaluate/result_file.h"

namespace tagalign::jobs {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;
using wire::shown;

TEST_F(EvaluateTest, OtherProtocol_HasAnotherKey) {
  auto config = evaluate_config("protocol");
  const auto first = evaluate(config, 1);
  config.datasets[0].stride = 32;
  const auto second = evaluate(config, 1);
  EXPECT_NE(first.key, second.key);
  EXPECT_THAT(shown(second.protocol), HasSubstr("stride=32"));
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

}  // namespace
}  // namespace tagalign::jobs
