/// Folders of checkpoints, whole and damaged, as a training meets them and as every command does
/// that takes a checkpoint.
#include <filesystem>

#include "tests/unit/jobs/interchange_fixture.h"
#include "worker/weights/choose_checkpoint.h"

namespace tagalign::jobs {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CheckpointFoldersTest : public InterchangeTest {
 protected:
  /// "ck" with the steps 2 and 4.
  config::TrainConfig trained() {
    auto config = train_config("ck", 4);
    config.checkpoint.keep_last = 0;
    train(config);
    return config;
  }
  /// Cuts five bytes off the shard of a step.
  void damage(const std::string& step) {
    const Path shard = folder_ / "ck" / step / "rank-00000-of-00001.safetensors";
    fs::resize_file(shard, fs::file_size(shard) - 5);
  }
  static int count_of(const std::string& text, const std::string& part) {
    int count = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
    return count;
  }
  /// Of the folder "ck".
  int mentions(const std::string& text) const { return count_of(text, path("ck")); }
  Result<JobEnd> try_training(const config::TrainConfig& config, int world = 1) {
    return run_gang(world, [&](Rank& rank) { return run_train(rank, config); })[0];
  }
};

// evaluate-folder-of-checkpoints
TEST_F(CheckpointFoldersTest, FolderOfCheckpoints_StandsForItsNewestInEveryCommand) {
  trained();
  const auto newest = evaluate("ck/step-00000004");
  EXPECT_THAT(reporters_[0]->notices, IsEmpty());
  const auto result = evaluate("ck");
  EXPECT_EQ(result.key, newest.key);
  EXPECT_EQ(result.step, 4u);
  EXPECT_EQ(result.intersect, newest.intersect);
  EXPECT_THAT(reporters_[0]->notices,
              ElementsAre(AllOf(HasSubstr("ck"), HasSubstr("step-00000004"))));
  EXPECT_EQ(card("ck").at("step"), 4);
  EXPECT_EQ(card("ck").at("digest"), card("ck/step-00000004").at("digest"));
  const auto said = export_weights(files_, {.checkpoint = path("ck"), .output = path("o")});
  ASSERT_TRUE(said.ok()) << said.status().message();
  EXPECT_THAT(*said, HasSubstr("step-00000004"));
  const auto imported = import_weights(files_, {.from = path("ck"), .output = path("import")});
  ASSERT_TRUE(imported.ok()) << imported.status().message();
  EXPECT_EQ(imported->folder.filename(), "step-00000004");
}

TEST_F(CheckpointFoldersTest, DamagedNewest_IsSkippedAndSaid) {
  trained();
  damage("step-00000004");
  EXPECT_EQ(evaluate("ck").step, 2u);
  EXPECT_THAT(reporters_[0]->notices, ElementsAre(HasSubstr("a damaged checkpoint was skipped"),
                                                  HasSubstr("takes step-00000002, the newest")));
  for (const std::string& notice : reporters_[0]->notices) EXPECT_EQ(mentions(notice), 1) << notice;
}

TEST_F(CheckpointFoldersTest, Messages_NameTheFolderOnce) {
  trained();
  damage("step-00000004");
  const std::string step = path("ck/step-00000004");
  for (const std::string& folder : {step, path("none"), path("scenes")})
    EXPECT_EQ(count_of(read_trained_weights(files_, folder).status().message(), folder), 1)
        << read_trained_weights(files_, folder).status().message();
  EXPECT_THAT(read_trained_weights(files_, step).status().message(),
              HasSubstr("checkpoint " + step + ": shard"));
}

TEST_F(CheckpointFoldersTest, AboutCheckpoint_AddsWhatATextDoesNotSay) {
  EXPECT_EQ(about_checkpoint("a/b", "disk full"), "checkpoint a/b: disk full");
  EXPECT_EQ(about_checkpoint("a/b", "a/b: no file"), "checkpoint: a/b: no file");
  EXPECT_EQ(about_checkpoint("a/b", "load checkpoint a/b/step-1: cut"),
            "load checkpoint a/b/step-1: cut");
  EXPECT_EQ(about_checkpoint("a", "a/b: bad"), "checkpoint: a/b: bad");
  EXPECT_EQ(about_checkpoint("b", "a/b: bad"), "checkpoint b: a/b: bad");
}

TEST_F(CheckpointFoldersTest, FolderWithoutACheckpoint_SaysWhatIsExpected) {
  fs::create_directories(folder_ / "empty/export");
  const Status none = read_trained_weights(files_, path("empty")).status();
  EXPECT_EQ(none.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(none.message(),
              AllOf(HasSubstr("without manifest.json and without checkpoints below"),
                    HasSubstr("; name " + path("empty/export"))));
  EXPECT_EQ(read_trained_weights(files_, path("missing")).status().code(), ErrorCode::kNotFound);
}

// checkpoints-all-damaged
TEST_F(CheckpointFoldersTest, AllDamaged_NoTrainingStartsOverThem) {
  auto config = trained();
  damage("step-00000002");
  damage("step-00000004");
  const auto size = fs::file_size(folder_ / "ck/step-00000002/rank-00000-of-00001.safetensors");
  config.steps = 6;
  for (const int world : {1, 2}) {
    const auto end = try_training(config, world);
    EXPECT_EQ(end.status().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(
        end.status().message(),
        AllOf(HasSubstr("none of its 2 checkpoints can be read"), HasSubstr("step-00000002: "),
              HasSubstr("step-00000004: "), HasSubstr("another checkpoint.directory")));
  }
  EXPECT_EQ(fs::file_size(folder_ / "ck/step-00000002/rank-00000-of-00001.safetensors"), size);
  EXPECT_THAT(reporters_[0]->checkpoints, IsEmpty());
  EXPECT_THAT(choose_checkpoint(files_, path("ck")).status().message(),
              HasSubstr("none of the 2 checkpoints"));
  fs::rename(folder_ / "ck", folder_ / "aside");  // the way to begin anew
  EXPECT_TRUE(try_training(config).ok());
}

TEST_F(CheckpointFoldersTest, StrictTraining_SkipsNoDamagedCheckpoint) {
  auto config = trained();
  damage("step-00000004");
  config.steps = 6;
  config.checkpoint.strict = true;
  for (const int world : {1, 2}) {
    const auto end = try_training(config, world);
    EXPECT_EQ(end.status().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(end.status().message(),
                AllOf(HasSubstr("what is newer than step 2 cannot be read"),
                      HasSubstr("step-00000004: "), HasSubstr("checkpoint.strict=false")));
  }
  config.checkpoint.strict = false;
  EXPECT_TRUE(try_training(config).ok());
}

TEST_F(CheckpointFoldersTest, KeepEvery_LeavesTheMultiples) {
  auto config = train_config("ck", 6);
  config.checkpoint.every_steps = 1;
  config.checkpoint.keep_last = 1;
  config.checkpoint.keep_every = 3;
  train(config);
  EXPECT_TRUE(fs::exists(folder_ / "ck/step-00000003"));
  EXPECT_TRUE(fs::exists(folder_ / "ck/step-00000006"));
  EXPECT_FALSE(fs::exists(folder_ / "ck/step-00000002"));
  EXPECT_FALSE(fs::exists(folder_ / "ck/step-00000005"));
}

TEST_F(CheckpointFoldersTest, FolderWithALeaseAlone_IsANewRun) {
  fs::create_directories(folder_ / "ck");
  ASSERT_TRUE(files_.write_durable(folder_ / "ck/lease", "0 3\n").ok());
  EXPECT_TRUE(try_training(train_config("ck", 2)).ok());
}

}  // namespace
}  // namespace tagalign::jobs
