// Trainings that find all captions' features, some or none end with the same bits.
#include <ATen/ops/allclose.h>
#include <gmock/gmock.h>

#include <fstream>

#include "base/format.h"
#include "checkpoint/tensor_adapter.h"
#include "tests/unit/jobs/training_fixture.h"

namespace tagalign::jobs {
namespace {

using config::CaptionKeeping;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class CaptionTrainingTest : public TrainingTest {
 protected:
  config::TrainConfig keeping(const std::string& name, CaptionKeeping keep,
                              const std::string& folder = "") {
    config::TrainConfig c = train_config(name);
    c.caption_features.keep = keep;
    if (!folder.empty()) c.caption_features.folder = (folder_ / folder).string();
    return c;
  }
  /// Files of features in `folder`.
  std::vector<Path> tables(const Path& folder) {
    std::vector<Path> found;
    const auto names = files_.list_directory(folder).value();
    for (const auto& name : names)
      if (name.starts_with("captions-")) found.push_back(folder / name);
    return found;
  }
  /// Of one table in three places: at its head, in its middle and at its end.
  static void damage(const Path& table) {
    const auto size = std::filesystem::file_size(table);
    std::fstream file(table, std::ios::in | std::ios::out | std::ios::binary);
    for (std::uint64_t at = 4096 + 20; at < size / 2; at += 152) {
      file.seekp(static_cast<std::streamoff>(at));
      file << "damaged";
    }
    file.close();
    std::filesystem::resize_file(table, size * 3 / 4);
  }
};

class EachKeepingTest
    : public CaptionTrainingTest,
      public testing::WithParamInterface<std::tuple<std::string, CaptionKeeping, int>> {
 protected:
  config::TrainConfig config_of(const std::string& name, const std::string& folder = "") {
    config::TrainConfig c = keeping(name, std::get<1>(GetParam()), folder);
    if (std::get<0>(GetParam()) == "tagalign_bf16") c.runtime.precision = config::Precision::kBf16;
    if (std::get<0>(GetParam()) != "tcl") return c;
    c.method =
        config::TclTraining{.decoder = {.layers = 1}, .blocks_from_step = 3, .area_prior = 1.0};
    c.data.tags.clear();
    c.data.tag_names.clear();
    return c;
  }
  void train_on(const config::TrainConfig& config) { train(config, std::get<2>(GetParam())); }
};

INSTANTIATE_TEST_SUITE_P(Runs, EachKeepingTest,
                         testing::Combine(testing::Values("tagalign", "tagalign_bf16", "tcl"),
                                          testing::Values(CaptionKeeping::kFp16,
                                                          CaptionKeeping::kFp32),
                                          testing::Values(1, 2)),
                         [](const auto& instance) {
                           return format("{}_{}_{}", std::get<0>(instance.param),
                                         std::get<1>(instance.param), std::get<2>(instance.param));
                         });

TEST_P(EachKeepingTest, ColdWarmAndMixedRuns_EndWithTheSameBits) {
  const auto cold = config_of("cold", "shared");
  train_on(cold);
  ASSERT_THAT(tables(folder_ / "shared"), SizeIs(1));
  const auto warm = config_of("warm", "shared");
  train_on(warm);
  expect_same_state(cold, warm);
  auto first_half = config_of("first half", "mixed folder");
  first_half.steps = 2;  // 16 of the 24 captions
  train_on(first_half);
  const auto mixed = config_of("mixed", "mixed folder");
  train_on(mixed);
  expect_same_state(cold, mixed);
}

TEST_P(EachKeepingTest, InterruptedRun_WhoseFilesWereDamagedOrRemoved_EndsWithTheSameBits) {
  const auto whole = config_of("whole");
  train_on(whole);
  for (const bool removed : {false, true}) {
    auto part = config_of(format("part {}", removed));
    part.steps = 2;
    train_on(part);
    const Path cache = Path(part.checkpoint.directory) / "cache";
    ASSERT_THAT(tables(cache), SizeIs(1));
    if (removed) std::filesystem::remove_all(cache);
    if (!removed) damage(tables(cache)[0]);
    part.steps = 6;
    train_on(part);
    expect_same_state(whole, part);
  }
}

TEST_F(CaptionTrainingTest, OneAndTwoRanks_InBitwiseDeterminism_EndWithTheSameBits) {
  std::vector<config::TrainConfig> runs;
  for (const int world : {1, 2, 4}) {
    auto c = keeping(format("world {}", world), CaptionKeeping::kFp32);
    c.optimizer.determinism = config::Determinism::kBitwise;
    train(c, world);
    train(c, world);
    runs.push_back(c);
  }
  expect_same_state(runs[0], runs[1]);
  expect_same_state(runs[0], runs[2]);
}

TEST_F(CaptionTrainingTest, Fp32_GivesTheNumbersOfOff_ButForRounding) {
  auto off = keeping("off", CaptionKeeping::kOff);
  auto kept = keeping("kept", CaptionKeeping::kFp32);
  off.steps = kept.steps = 1;  // later ones tell less: AdamW makes a step of a rounding
  train(off, 2);
  train(kept, 2);
  EXPECT_THAT(tables(Path(off.checkpoint.directory) / "cache"), IsEmpty());
  const auto left = checkpoint::to_tensors(newest(off).tensors);
  for (const auto& [name, tensor] : checkpoint::to_tensors(newest(kept).tensors)) {
    if (!name.starts_with("optimizer.exp_avg.")) continue;
    EXPECT_TRUE(at::allclose(tensor, left.at(name), 1e-2, 2e-6)) << name;
  }
}

TEST_F(CaptionTrainingTest, AnotherKeeping_IsAnotherRun_AFolderOrBoundIsNot) {
  auto c = keeping("run", CaptionKeeping::kFp16);
  c.steps = 2;
  train(c, 1);
  c.steps = 4;
  c.caption_features.folder = (folder_ / "elsewhere").string();
  c.caption_features.bytes_max = 1 << 20;
  train(c, 1);
  for (const auto other : {CaptionKeeping::kOff, CaptionKeeping::kFp32}) {
    c.caption_features.keep = other;
    const auto ends = run_gang(1, [&](Rank& rank) { return run_train(rank, c); });
    EXPECT_EQ(ends[0].status().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(ends[0].status().message(), HasSubstr("caption_features.keep"));
  }
}

TEST_F(CaptionTrainingTest, FilesThatCannotBeWritten_AreANoticeOfEachRank_AndTheBitsStay) {
  const auto whole = keeping("whole", CaptionKeeping::kFp32);
  train(whole, 2);
  std::ofstream(folder_ / "no folder") << "x";
  const auto without = keeping("without", CaptionKeeping::kFp32, "no folder/cache");
  train(without, 2);
  for (const auto& reporter : reporters_)
    EXPECT_THAT(reporter->notices, Contains(HasSubstr("caption features")).Times(1));
  expect_same_state(whole, without);
}

}  // namespace
}  // namespace tagalign::jobs
