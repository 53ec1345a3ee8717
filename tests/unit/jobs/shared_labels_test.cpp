// The rows of labels that ranks make together and later starts read: the bits of one rank that makes all.
#include "worker/labels/shared_labels.h"

#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <mutex>

#include "base/format.h"
#include "checkpoint/load.h"
#include "model/methods/similarity.h"
#include "tests/support/fault_file_system.h"
#include "tests/unit/jobs/jobs_fixture.h"
#include "worker/train/train_job.h"
#include "worker/weights/frozen_clip.h"

namespace tagalign::jobs {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// Of one to five words, so that passes differ in their longest text.
std::vector<std::string> some_labels(std::size_t count) {
  const std::vector<std::string> words = {"cat", "old", "traffic light", "photograph", "of"};
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < count; ++i) {
    std::string label = format("{}", i);
    for (std::size_t w = 0; w < i % 5; ++w) label += " " + words[(i + w) % words.size()];
    labels.push_back(label);
  }
  return labels;
}

std::vector<std::string> some_templates(std::size_t count) {
  std::vector<std::string> templates = {"a photo of a {}."};
  while (templates.size() < count) templates.push_back(format("{} {{}}", templates.size()));
  return templates;
}

/// Counts the blocks that are made.
class CountingStore final : public model::LabelStore {
 public:
  CountingStore(model::LabelStore& real, std::atomic<int>& made) : real_(real), made_(made) {}
  Result<at::Tensor> rows(const model::LabelRows& rows) override {
    model::LabelRows counted = rows;
    counted.make = [&](std::int64_t index) {
      ++made_;
      return rows.make(index);
    };
    return real_.rows(counted);
  }

 private:
  model::LabelStore& real_;
  std::atomic<int>& made_;
};

class SharedLabelsTest : public JobsTest {
 protected:
  SharedLabelsTest()
      : tokenizer_(model::Tokenizer::load(files_, model::default_vocabulary()).value()) {
    auto weights = load_weights(files_, clip_weights());
    text_.emplace(model::TextTower::create(weights->tensors).value());
    weights_ = weights->digest;
  }

  /// What a rank asks for; tests change it.
  struct Wish {
    std::vector<std::string> labels = some_labels(150);
    std::vector<std::string> templates = some_templates(1);
    std::string weights;
  };
  Wish wish(std::size_t templates = 1) {
    return {.templates = some_templates(templates), .weights = weights_};
  }
  at::Tensor alone(const Wish& wish) {
    return model::embed_by_clip({.text = &*text_, .tokenizer = &tokenizer_}, wish.labels,
                                wish.templates, 1);
  }

  /// One start: what each rank got. made_ counts the blocks.
  std::vector<Result<at::Tensor>> start(int world, const std::function<Wish(int rank)>& wish_of,
                                        FileSystem& files = posix_file_system()) {
    made_ = 0;
    std::vector<Result<at::Tensor>> got(static_cast<std::size_t>(world), internal_error("nothing"));
    (void)run_gang(world, [&](Rank& seat) -> Result<JobEnd> {
      Rank rank{.group = seat.group, .reporter = seat.reporter, .files = files};
      const Wish wish = wish_of(rank.group.rank());
      SharedLabels shared(rank, folder_ / "cache", wish.weights);
      CountingStore counting(shared, made_);
      auto rows =
          model::embed_labels({.text = &*text_, .tokenizer = &tokenizer_, .labels = &counting},
                              wish.labels, wish.templates);
      got[static_cast<std::size_t>(rank.group.rank())] = rows;
      if (!rows.ok()) return rows.status();
      return JobEnd::kFinished;
    });
    return got;
  }
  void expect_start(int world, const Wish& wish, int made,
                    FileSystem& files = posix_file_system()) {
    const at::Tensor expected = alone(wish);
    for (const auto& rows : start(
             world, [&](int) { return wish; }, files)) {
      ASSERT_TRUE(rows.ok()) << rows.status().to_string();
      EXPECT_TRUE(at::equal(*rows, expected));
    }
    EXPECT_EQ(made_, made);
  }

  model::Tokenizer tokenizer_;
  std::optional<model::TextTower> text_;
  std::string weights_;
  std::atomic<int> made_{0};
};

TEST_F(SharedLabelsTest, OneTwoOrFourRanks_GiveTheBitsOfOneThatMakesAll) {
  // Templates, and the blocks of 150 labels: a block's prompts fill whole passes of 64.
  const std::vector<std::pair<std::size_t, int>> cases = {{1, 3}, {3, 3}, {16, 38}, {80, 38}};
  for (const auto& [templates, blocks] : cases) {
    for (const int world : {1, 2, 4}) {
      SCOPED_TRACE(format("{} templates, {} ranks", templates, world));
      std::filesystem::remove_all(folder_ / "cache");
      expect_start(world, wish(templates), blocks);
      EXPECT_THAT(reporters_[0]->notices, IsEmpty());
    }
  }
}

TEST_F(SharedLabelsTest, NextStart_OfAnyNumberOfRanks_MakesNothing) {
  expect_start(2, wish(), 3);
  for (const int world : {1, 2, 4}) expect_start(world, wish(), 0);
}

TEST_F(SharedLabelsTest, OtherLabelsTemplatesOrWeights_AreMade_AndAllAreKept) {
  expect_start(1, wish(), 3);
  Wish labels = wish(), templates = wish(), weights = wish();
  labels.labels[149] = "dog";
  templates.templates = {"a picture of a {}."};
  weights.weights = "other";
  for (const Wish& other : {labels, templates, weights}) expect_start(1, other, 3);
  for (const Wish& known : {wish(), labels, templates, weights}) expect_start(1, known, 0);
}

TEST_F(SharedLabelsTest, DamagedFile_IsSaidOnce_AndMadeAgain) {
  expect_start(2, wish(), 3);
  const std::string name = files_.list_directory(folder_ / "cache").value().at(0);
  std::fstream file(folder_ / "cache" / name, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-1, std::ios::end);
  file.put('\x55');
  file.close();
  expect_start(2, wish(), 3);
  EXPECT_THAT(
      reporters_[0]->notices,
      ElementsAre(AllOf(HasSubstr(name), HasSubstr("another xxh3_128"), HasSubstr("made again"))));
  EXPECT_THAT(reporters_[1]->notices, IsEmpty());
  expect_start(2, wish(), 0);
  EXPECT_THAT(reporters_[0]->notices, IsEmpty());
}

TEST_F(SharedLabelsTest, ReadOnlyFolderOrFullDisk_IsANotice_AndTheRowsAreThere) {
  for (const bool full : {false, true}) {
    testing_support::FaultFileSystem files(files_);
    if (full) files.set_space(1'000);
    if (!full) files.fail_creates(EROFS);
    expect_start(2, wish(), 3, files);
    EXPECT_THAT(reporters_[0]->notices, ElementsAre(HasSubstr("could not be kept")));
    EXPECT_THAT(reporters_[1]->notices, IsEmpty());
    EXPECT_THAT(files_.list_directory(folder_ / "cache").value(), IsEmpty());
  }
}

TEST_F(SharedLabelsTest, RanksThatAskForDifferentRows_AllEnd_NamingTheRank) {
  const auto got = start(2, [&](int rank) {
    Wish asked = wish();
    if (rank == 1) asked.labels[7] = "something else";
    return asked;
  });
  for (const auto& rows : got) {
    EXPECT_EQ(rows.status().code(), ErrorCode::kUnavailable);
    EXPECT_THAT(rows.status().message(), HasSubstr("rank 1 has other labels or weights"));
  }
  EXPECT_EQ(made_, 0);
}

TEST_F(SharedLabelsTest, Training_FromMadeOrKeptRows_EndsWithTheSameBits) {
  config::TrainConfig config;
  config.data = caption_data();
  config.clip.weights = clip_weights();
  config.checkpoint.directory = (folder_ / "made").string();
  config.global_batch = 8;
  config.steps = 2;
  learn_attributes(config);
  const auto trained = [&](const std::string& name) {
    config.checkpoint.directory = (folder_ / name).string();
    const auto ends = run_gang(2, [&](Rank& rank) { return run_train(rank, config); });
    for (const auto& end : ends) EXPECT_TRUE(end.ok()) << end.status().to_string();
    return checkpoint::load_newest(files_, config.checkpoint.directory).value();
  };
  const auto made = trained("made");
  const auto names = files_.list_directory(folder_ / "made/cache").value();
  EXPECT_THAT(names, AllOf(SizeIs(2), Each(HasSubstr("labels-"))));
  std::filesystem::create_directories(folder_ / "kept");
  std::filesystem::copy(folder_ / "made/cache", folder_ / "kept/cache");
  const auto kept = trained("kept");
  EXPECT_EQ(files_.list_directory(folder_ / "kept/cache").value(), names) << "made again";
  EXPECT_EQ(made.manifest.digest, kept.manifest.digest);
}

}  // namespace
}  // namespace tagalign::jobs
