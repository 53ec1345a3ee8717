#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "base/checksum.h"
#include "coordinator/wire/settings.h"
#include "data/image/image.h"
#include "model/methods/groupvit/shape.h"
#include "tests/support/tiny_models.h"
#include "tests/unit/jobs/evaluate_fixture.h"
#include "worker/benchmarks/sheet_job.h"
#include "worker/evaluate/evaluate_job.h"
#include "worker/evaluate/evaluation_protocol.h"
#include "worker/evaluate/result_file.h"
#include "worker/train/train_job.h"

namespace tagalign::jobs {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using wire::shown;

/// What must hold for every method.
class EachMethodEvaluationTest : public EvaluateTest,
                                 public testing::WithParamInterface<std::string> {
 protected:
  config::EvaluateConfig method_config(const std::string& output) {
    config::EvaluateConfig config = evaluate_config(output);
    config.method = method();
    if (checkpoint_.empty()) checkpoint_ = trained();
    config.checkpoint = checkpoint_;
    return config;
  }

 private:
  config::EvaluationMethod method() {
    static const std::map<std::string, config::EvaluationMethod> kMethods = {
        {"clip", config::ClipEvaluation{}},
        {"clearclip", config::ClearClipEvaluation{}},
        {"groupvit", config::GroupVitEvaluation{.heads = small_groupvit().image.heads}},
        {"naclip", config::NaclipEvaluation{}},
        {"sclip", config::SclipEvaluation{}},
        {"tagalign", config::TagAlignEvaluation{}},
        {"tcl", config::TclEvaluation{}}};
    if (GetParam() == "ovsegmentor") {
      const std::string text = model::tiny_vocabulary();
      const Path path = folder_ / "vocab.txt";
      std::ofstream(path) << text;
      return config::OvSegmentorEvaluation{.heads = 2,
                                           .text_heads = 2,
                                           .vocabulary = path.string(),
                                           .vocabulary_digest = digest128(as_bytes(text)).hex()};
    }
    if (GetParam() == "resclip") {
      config::ResClipEvaluation early;
      early.blocks = {2, 3};  // of those that the small CLIP has
      return early;
    }
    if (GetParam() == "proxyclip") {
      config::ProxyClipEvaluation proxy;
      proxy.dino = file_of("dino", model::tiny_dino());
      proxy.dino_heads = 2;
      proxy.multiple = 16;
      return proxy;
    }
    return kMethods.at(GetParam());
  }

  /// Empty where nothing is trained.
  std::string trained() {
    if (GetParam() == "tagalign") return checkpoint();
    if (GetParam() == "tcl")
      return checkpoint_of(config::TclTraining{.blocks_from_step = 1}, "tcl");
    if (GetParam() == "groupvit") return file_of("groupvit", wide_groupvit());
    if (GetParam() == "ovsegmentor") return file_of("ovsegmentor", model::tiny_ovsegmentor());
    return "";
  }

  /// Drawn as a training begins, but wider: its groups would all look alike.
  static model::StateDict wide_groupvit() {
    const at::NoGradGuard no_grad;
    auto weights =
        model::initial_groupvit_weights({.config = small_groupvit(), .image_size = 32}, 1);
    for (auto& [name, tensor] : weights) {
      if (tensor.dim() > 1) tensor.mul_(8);
    }
    return weights;
  }

  std::string file_of(const std::string& name, const model::StateDict& tensors) {
    const Path path = folder_ / (name + ".safetensors");
    const Status saved = save_weights(files_, path, tensors, {});
    TA_CHECK(saved.ok(), saved.message());
    return path.string();
  }

  std::string checkpoint_;
};

INSTANTIATE_TEST_SUITE_P(Methods, EachMethodEvaluationTest,
                         testing::Values("clip", "clearclip", "groupvit", "naclip", "ovsegmentor",
                                         "proxyclip", "resclip", "sclip", "tagalign", "tcl"),
                         [](const auto& instance) { return instance.param; });

TEST_P(EachMethodEvaluationTest, AnyNumberOfRanks_GivesTheSameIntegers) {
  const auto one = evaluate(method_config("one"), 1);
  EXPECT_EQ(one.images, 5u);
  std::uint64_t labelled = 0;
  for (const auto count : one.labelled) labelled += count;
  EXPECT_EQ(labelled, 5u * 48 * 48);
  EXPECT_GT(std::ranges::count_if(one.predicted, [](auto count) { return count > 0; }), 1)
      << "one class everywhere would be equal under any error";
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
  EXPECT_THAT(shown(half.protocol), HasSubstr(" precision=bf16 bf16_revision="));
  const bool products =
      model::preferred_attention(at::kBFloat16, at::kCPU) == model::AttentionWay::kProducts;
  EXPECT_EQ(shown(half.protocol).find("attention_products") != std::string::npos, products);
  EXPECT_EQ(shown(full.protocol).find("bf16"), std::string::npos);
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

TEST_F(EvaluateTest, Checkpoint_IsLoadedAndNamed) {
  auto config = evaluate_config("checkpoint");
  config.label = "";
  use_tagalign(config, checkpoint());
  const auto result = evaluate(config, 2);
  EXPECT_EQ(result.step, 2u);
  EXPECT_THAT(result.weights_digest, HasSubstr("+"));
  EXPECT_THAT(shown(result.protocol), HasSubstr("clip_weight=0.3"));
}

TEST_F(EvaluateTest, MethodWithTowersOfItsOwn_NeedsNoClip) {
  auto config = evaluate_config("groupvit");
  config.method = config::GroupVitEvaluation{.heads = small_groupvit().image.heads};
  config.checkpoint = checkpoint_of(small_groupvit(), "groupvit");
  config.clip.weights = "";
  const auto result = evaluate(config, 1);
  EXPECT_EQ(result.images, 5u);
  EXPECT_EQ(result.step, 2u);
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
