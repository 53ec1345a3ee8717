/// Jobs meet damaged, missing and foreign files: what can be left out is named once, everything
/// else ends the job with a message that names the file.
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>

#include "checkpoint/load.h"
#include "checkpoint/save.h"
#include "checkpoint/tensors.h"
#include "model/clip/tokenizer.h"
#include "model/methods/groupvit/shape.h"
#include "tests/support/fault_file_system.h"
#include "tests/support/ordinary_user.h"
#include "tests/support/tiny_models.h"
#include "tests/unit/data/image_samples.h"
#include "tests/unit/jobs/jobs_fixture.h"
#include "worker/evaluate/evaluate_job.h"
#include "worker/train/train_job.h"

namespace tagalign::jobs {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
namespace fs = std::filesystem;

class BadInputTest : public JobsTest {
 protected:
  config::TrainConfig train_config() {
    config::TrainConfig c;
    c.data = caption_data();
    c.clip.weights = clip_weights();
    c.checkpoint.directory = (folder_ / "train").string();
    c.checkpoint.every_steps = 2;
    c.global_batch = 8;
    c.steps = 2;
    return c;
  }

  config::EvaluateConfig evaluate_config() {
    config::EvaluateConfig c;
    c.method = config::ClipEvaluation{};
    c.clip.weights = clip_weights();
    c.datasets = {{.name = "val", .root = (folder_ / "scenes/val").string()}};
    c.datasets[0].short_side = 48;
    c.datasets[0].window = 32;
    c.datasets[0].stride = 32;
    c.output = (folder_ / "results").string();
    return c;
  }

  void train(const config::TrainConfig& config, int world = 1) {
    for (const auto& end : run_gang(world, [&](Rank& rank) { return run_train(rank, config); }))
      ASSERT_TRUE(end.ok()) << end.status().to_string();
  }
  Status train_error(const config::TrainConfig& config) {
    return run_gang(1, [&](Rank& rank) { return run_train(rank, config); })[0].status();
  }
  Status evaluate_error(const config::EvaluateConfig& config) {
    return run_gang(1, [&](Rank& rank) { return run_evaluate(rank, config); })[0].status();
  }

  void overwrite(const Path& path, std::string_view bytes) {
    std::ofstream(path, std::ios::trunc | std::ios::binary) << bytes;
  }
  void cut_to_half(const Path& path) { fs::resize_file(path, fs::file_size(path) / 2); }
};

// ---------------------------------------------------------------- data

TEST_F(BadInputTest, DamagedImages_TwoRanks_AreNamedOnceAndTrainingGoesOn) {
  const Path images = folder_ / "scenes/train/images";
  cut_to_half(images / "000002.png");
  overwrite(images / "000003.png", "");
  overwrite(images / "000007.png", "not an image");
  overwrite(images / "000011.png", std::string(200, '\0'));
  fs::remove(images / "000013.png");
  overwrite(images / "000017.png", data::sixteen_bit_png(32, 32));
  overwrite(images / "000019.png", data::cmyk_jpeg(32, 32));
  auto config = train_config();
  config.steps = 9;  // three epochs: each image comes to either rank
  train(config, 2);
  EXPECT_THAT(reporters_[0]->notices, SizeIs(5));
  for (const char* name : {"000002", "000003", "000007", "000011", "000013"})
    EXPECT_THAT(reporters_[0]->notices, Contains(HasSubstr(name)).Times(1)) << name;
  EXPECT_THAT(reporters_[0]->notices,
              Each(AllOf(Not(HasSubstr("000017")), Not(HasSubstr("000019")))))
      << "16-bit and CMYK images are used";
  EXPECT_THAT(reporters_[1]->notices, IsEmpty());
  EXPECT_EQ(reporters_[0]->checkpoints.back().step, 9u);
}

TEST_F(BadInputTest, CaptionsWithBadUtf8_AreCountedOnceAndTrainingGoesOn) {
  const Path captions = folder_ / "scenes/train/captions.csv";
  std::string text = files_.read_file(captions, 1 << 20).value();
  text.insert(text.find("000001.png,\"") + 12, "\xff\xfe");
  overwrite(captions, text);
  train(train_config(), 2);
  EXPECT_THAT(reporters_[0]->notices,
              ElementsAre(AllOf(HasSubstr("captions.csv"), HasSubstr("1 of 24 captions"),
                                HasSubstr("000001.png"))));
  EXPECT_THAT(reporters_[1]->notices, IsEmpty());
}

TEST_F(BadInputTest, MissingDataFiles_AreNamed) {
  for (std::string config::CaptionDataConfig::*file :
       {&config::CaptionDataConfig::captions, &config::CaptionDataConfig::tags,
        &config::CaptionDataConfig::tag_names}) {
    auto config = train_config();
    config.data.*file = (folder_ / "none.txt").string();
    const Status status = train_error(config);
    EXPECT_EQ(status.code(), ErrorCode::kNotFound);
    EXPECT_THAT(status.message(), HasSubstr((folder_ / "none.txt").string()));
  }
  for (std::string config::CaptionDataConfig::*file :
       {&config::CaptionDataConfig::attributes, &config::CaptionDataConfig::attribute_names}) {
    auto config = train_config();
    learn_attributes(config);
    config.data.*file = (folder_ / "none.txt").string();
    const Status status = train_error(config);
    EXPECT_EQ(status.code(), ErrorCode::kNotFound);
    EXPECT_THAT(status.message(), HasSubstr((folder_ / "none.txt").string()));
  }
}

TEST_F(BadInputTest, MissingImageFolder_IsNamed) {
  auto config = train_config();
  config.data.root = (folder_ / "nowhere").string();
  EXPECT_THAT(train_error(config).message(),
              AllOf(HasSubstr("none of the 24 images"), HasSubstr(config.data.root)));
}

/// CLIP's vocabulary where everybody can read it: the project may lie below a folder of root's.
struct VocabularyForAll {
  explicit VocabularyForAll(const Path& copy) {
    fs::copy_file(model::default_vocabulary(), copy);
    ::setenv("TAGALIGN_VOCABULARY", copy.c_str(), 1);
  }
  ~VocabularyForAll() { ::unsetenv("TAGALIGN_VOCABULARY"); }
};

TEST_F(BadInputTest, UnreadableDataAndWeights_AreNamed) {
  const auto config = train_config();
  const VocabularyForAll vocabulary(folder_ / "vocabulary.gz");
  const auto for_all = fs::perms::group_read | fs::perms::group_exec | fs::perms::others_read |
                       fs::perms::others_exec;
  fs::permissions(folder_, for_all, fs::perm_options::add);
  for (const auto& entry : fs::recursive_directory_iterator(folder_))
    fs::permissions(entry, for_all, fs::perm_options::add);
  for (const std::string& file : {config.clip.weights, config.data.captions}) {
    fs::permissions(file, fs::perms::none);
    Status status;
    {
      const testing_support::OrdinaryUser user;
      if (!user.active()) GTEST_SKIP() << "needs a user other than root, who reads every file";
      status = train_error(config);
    }
    EXPECT_EQ(status.code(), ErrorCode::kPermissionDenied);
    EXPECT_THAT(status.message(), HasSubstr(file));
  }
}

TEST_F(BadInputTest, MissingSegmentationFolder_IsNamed) {
  auto config = evaluate_config();
  config.datasets[0].root = (folder_ / "nowhere").string();
  EXPECT_THAT(evaluate_error(config).message(), HasSubstr(config.datasets[0].root));
}

// ---------------------------------------------------------------- weights

TEST_F(BadInputTest, MissingWeights_AreNamed) {
  auto config = train_config();
  config.clip.weights = (folder_ / "none.safetensors").string();
  const Status status = train_error(config);
  EXPECT_EQ(status.code(), ErrorCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr(config.clip.weights));
}

TEST_F(BadInputTest, TruncatedWeights_AreDataLossThatNamesTheFile) {
  const auto config = train_config();
  cut_to_half(config.clip.weights);
  const Status status = train_error(config);
  EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
  EXPECT_THAT(status.message(), AllOf(HasSubstr(config.clip.weights), HasSubstr("bytes")));
}

TEST_F(BadInputTest, WeightsInAnotherFormat_AreDataLossThatNamesTheFile) {
  const auto config = train_config();
  overwrite(config.clip.weights, "PK\x03\x04 archive/data.pkl and so on");
  const Status status = train_error(config);
  EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr(config.clip.weights));
}

TEST_F(BadInputTest, WeightsOfAnotherModel_NameTheFileAndTheMissingTensor) {
  const auto config = train_config();
  ASSERT_TRUE(save_weights(files_, config.clip.weights, {{"other", at::zeros({2})}}, {}).ok());
  auto evaluation = evaluate_config();
  for (const Status& status : {train_error(config), evaluate_error(evaluation)}) {
    EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(status.message(), AllOf(HasSubstr(config.clip.weights),
                                        HasSubstr("'visual.conv1.weight' is missing")));
  }
}

// ---------------------------------------------------------------- checkpoints

TEST_F(BadInputTest, TrainedMethodWithoutACheckpoint_NamesTheKeyAndTheBaseline) {
  auto config = evaluate_config();
  config.method = config::TagAlignEvaluation{};
  EXPECT_THAT(evaluate_error(config).message(),
              AllOf(HasSubstr("method tagalign needs a checkpoint"), HasSubstr("method: clip")));
}

TEST_F(BadInputTest, CheckpointOfAnotherMethod_IsRefusedWithBothNames) {
  train(train_config());
  auto tcl = train_config();
  tcl.method = config::TclTraining{};
  tcl.checkpoint.directory = (folder_ / "tcl").string();
  train(tcl);
  const std::string groupvit = (folder_ / "groupvit.safetensors").string();
  const std::string ovsegmentor = (folder_ / "ovsegmentor.safetensors").string();
  const model::GroupVitShape shape{.config = small_groupvit(), .image_size = 32};
  ASSERT_TRUE(save_weights(files_, groupvit, initial_groupvit_weights(shape, 1), {}).ok());
  ASSERT_TRUE(save_weights(files_, ovsegmentor, model::tiny_ovsegmentor(), {}).ok());
  const std::map<std::string, std::pair<config::EvaluationMethod, std::string>> methods = {
      {"tagalign", {config::TagAlignEvaluation{}, (folder_ / "train/step-00000002").string()}},
      {"tcl", {config::TclEvaluation{}, (folder_ / "tcl/step-00000002").string()}},
      {"groupvit", {config::GroupVitEvaluation{}, groupvit}},
      {"ovsegmentor", {config::OvSegmentorEvaluation{}, ovsegmentor}}};
  auto config = evaluate_config();
  for (const auto& [expected, method] : methods) {
    for (const auto& [found, weights] : methods) {
      if (found == expected) continue;
      config.method = method.first;
      config.checkpoint = weights.second;
      EXPECT_THAT(evaluate_error(config).message(),
                  HasSubstr(format("it holds weights of method {}, expected those of {}", found,
                                   expected)));
    }
  }
}

TEST_F(BadInputTest, MoreCopiedBlocksThanTheClipHas_NamesTheKeyAndBothNumbers) {
  auto config = train_config();
  config.method = config::TclTraining{.copied_blocks = 9};
  EXPECT_THAT(
      train_error(config).message(),
      AllOf(HasSubstr("method.copied_blocks"), HasSubstr("the 7 blocks"), HasSubstr("found 9")));
}

TEST_F(BadInputTest, TruncatedCheckpoint_EvaluationNamesShardExpectedAndFound) {
  train(train_config());
  auto config = evaluate_config();
  config.method = config::TagAlignEvaluation{};
  config.checkpoint = (folder_ / "train/step-00000002").string();
  const Path shard = Path(config.checkpoint) / "rank-00000-of-00001.safetensors";
  const auto whole = fs::file_size(shard);
  cut_to_half(shard);
  const Status status = evaluate_error(config);
  EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr(config.checkpoint), HasSubstr("rank-00000-of-00001"),
                    HasSubstr("expected " + std::to_string(whole) + " bytes, found " +
                              std::to_string(whole / 2))));
  EXPECT_THAT(reporters_[0]->results, IsEmpty());
}

TEST_F(BadInputTest, CheckpointOfOtherWeights_IsRefusedByEvaluation) {
  train(train_config());
  const auto tensors = load_weights(files_, clip_weights())->tensors;
  auto config = evaluate_config();
  config.method = config::TagAlignEvaluation{};
  config.checkpoint = (folder_ / "train/step-00000002").string();
  config.clip.weights = (folder_ / "other.safetensors").string();
  ASSERT_TRUE(save_weights(files_, config.clip.weights, tensors, {{"note", "other bytes"}}).ok());
  EXPECT_THAT(evaluate_error(config).message(),
              AllOf(HasSubstr(config.checkpoint), HasSubstr("trained on other CLIP weights")));
}

TEST_F(BadInputTest, CheckpointWithoutProjector_IsRefusedByEvaluation) {
  const float value = 1;
  const checkpoint::TensorView view{
      "other", checkpoint::DType::kF32, {1}, std::as_bytes(std::span(&value, 1))};
  const checkpoint::Coordination alone{
      .rank = 0, .world = 1, .all_gather = [](const std::string& mine) {
        return Result<std::vector<std::string>>(std::vector{mine});
      }};
  const auto manifest =
      checkpoint::save(files_, alone, {.folder = folder_ / "foreign", .lease = {}}, {view},
                       {.step = 3, .world_size = 1, .global_batch = 1});
  ASSERT_TRUE(manifest.ok()) << manifest.status().to_string();
  auto config = evaluate_config();
  config.method = config::TagAlignEvaluation{};
  config.checkpoint = manifest->folder.string();
  EXPECT_THAT(evaluate_error(config).message(),
              AllOf(HasSubstr(config.checkpoint), HasSubstr("it holds no projector")));
}

TEST_F(BadInputTest, FullDiskWhileSaving_NamesTheFolderAndGoesOnFromTheLastWhenThereIsRoom) {
  auto config = train_config();
  train(config);
  config.steps = 4;
  testing_support::FaultFileSystem full(files_);
  full.set_space(20'000);
  const auto ends = run_gang(2, [&](Rank& rank) {
    Rank starved{.group = rank.group, .reporter = rank.reporter, .files = full};
    return run_train(starved, config);
  });
  for (const auto& end : ends) {
    EXPECT_EQ(end.status().code(), ErrorCode::kNoSpace);
    EXPECT_THAT(end.status().message(), HasSubstr(config.checkpoint.directory));
  }
  EXPECT_EQ(checkpoint::list(files_, config.checkpoint.directory)->size(), 1u);
  train(config, 2);
  EXPECT_EQ(reporters_[0]->checkpoints.back().step, 4u);
}

TEST_F(BadInputTest, FullDiskWhileWritingWeights_NamesTheFileAndLeavesTheOldOnes) {
  const Path path = clip_weights();
  const std::string before = load_weights(files_, path)->digest;
  testing_support::FaultFileSystem full(files_);
  full.set_space(100);
  const Status status = save_weights(full, path, {{"new", at::zeros({1000})}}, {});
  EXPECT_EQ(status.code(), ErrorCode::kNoSpace);
  EXPECT_THAT(status.message(), HasSubstr(path.string()));
  EXPECT_EQ(load_weights(files_, path)->digest, before);
}

}  // namespace
}  // namespace tagalign::jobs
