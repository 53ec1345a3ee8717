// Features of captions that are read where they are known: the bits of those that are computed.
#include "worker/features/caption_features.h"

#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "tests/unit/jobs/jobs_fixture.h"
#include "worker/weights/frozen_clip.h"

namespace tagalign::jobs {
namespace {

using config::CaptionKeeping;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::vector<std::string> kCaptions = {"a red circle",
                                            "a photograph of an old traffic light at dusk",
                                            "",
                                            "two dogs",
                                            "a red circle",
                                            "sunset over the sea, seen from a boat that nobody has "
                                            "steered for the last hundred years or so"};

class CaptionFeaturesTest : public JobsTest {
 protected:
  CaptionFeaturesTest()
      : tokenizer_(model::Tokenizer::load(files_, model::default_vocabulary()).value()) {
    auto weights = load_weights(files_, clip_weights());
    text_.emplace(model::TextTower::create(weights->tensors).value());
  }

  struct Wish {
    config::CaptionFeaturesConfig config = {.keep = CaptionKeeping::kFp32};
    std::string weights = "digest";
    config::Precision precision = config::Precision::kFp32;
  };
  /// What one rank is given for kCaptions in one start.
  at::Tensor start(const Wish& wish, const std::vector<std::string>& captions = kCaptions) {
    at::Tensor got;
    const auto ends = run_gang(1, [&](Rank& rank) -> Result<JobEnd> {
      CaptionFeatures features(rank, {*text_, tokenizer_, wish.weights, wish.precision},
                               wish.config, folder_ / "cache");
      got = features.features(captions);
      return JobEnd::kFinished;
    });
    TA_CHECK(ends[0].ok(), ends[0].status().to_string());
    return got;
  }
  std::vector<std::string> names() { return files_.list_directory(folder_ / "cache").value(); }
  Path only_file() {
    TA_CHECK(names().size() == 1, "one file");
    return folder_ / "cache" / names()[0];
  }
  /// So that whoever computes is found out: the features of another tower.
  void change_the_tower() {
    for (const auto& parameter : text_->parameters()) at::Tensor(parameter.tensor).mul_(1.5);
  }

  model::Tokenizer tokenizer_;
  std::optional<model::TextTower> text_;
};

TEST_F(CaptionFeaturesTest, KnownCaptions_AreReadAndNotComputed) {
  for (const auto keep : {CaptionKeeping::kFp32, CaptionKeeping::kFp16}) {
    const Wish wish{.config = {.keep = keep}};
    const at::Tensor made = start(wish);
    EXPECT_EQ(made.scalar_type(), at::kFloat);
    EXPECT_TRUE(at::equal(made[0], made[4]));
    EXPECT_TRUE(at::equal(start(wish), made));
    change_the_tower();
    EXPECT_TRUE(at::equal(start(wish), made)) << config::word(keep);
    EXPECT_FALSE(at::equal(start(wish, {"never seen"}), made.narrow(0, 0, 1)));
    EXPECT_THAT(reporters_[0]->notices, IsEmpty());
  }
}

TEST_F(CaptionFeaturesTest, Fp32_KeepsTheEncodersBits_Fp16RoundsThemBeforeTheirFirstUse) {
  std::vector<TokenRow> tokens;
  for (const auto& caption : kCaptions) tokens.push_back(tokenizer_.encode(caption));
  CaptionEncoder encoder(*text_, at::kCPU, config::Precision::kFp32);
  const at::Tensor exact = encoder.encode(tokens);
  EXPECT_TRUE(at::equal(start({.config = {.keep = CaptionKeeping::kFp32}}), exact));
  const at::Tensor rounded = start({.config = {.keep = CaptionKeeping::kFp16}});
  EXPECT_TRUE(at::equal(rounded, exact.to(at::kHalf).to(at::kFloat)));
  EXPECT_FALSE(at::equal(rounded, exact));
}

TEST_F(CaptionFeaturesTest, OtherWeightsPrecisionOrFormat_HaveFilesOfTheirOwn) {
  const std::vector<Wish> wishes = {{},
                                    {.weights = "other"},
                                    {.precision = config::Precision::kBf16},
                                    {.config = {.keep = CaptionKeeping::kFp16}}};
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    (void)start(wishes[i]);
    EXPECT_THAT(names(), SizeIs(i + 1));
  }
  for (const Wish& wish : wishes) (void)start(wish);
  EXPECT_THAT(names(), SizeIs(wishes.size()));
}

TEST_F(CaptionFeaturesTest, SharedFolder_IsUsedInsteadOfTheOwn) {
  Wish wish;
  wish.config.folder = (folder_ / "shared").string();
  const at::Tensor made = start(wish);
  EXPECT_FALSE(files_.exists(folder_ / "cache"));
  EXPECT_THAT(files_.list_directory(folder_ / "shared").value(), SizeIs(1));
  EXPECT_TRUE(at::equal(start(wish), made));
}

TEST_F(CaptionFeaturesTest, DamagedRows_AreComputedAgain_AndToldOnce) {
  const at::Tensor made = start({});
  const std::string whole = files_.read_file(only_file(), 1ull << 30).value();
  std::fstream file(only_file(), std::ios::in | std::ios::out | std::ios::binary);
  for (std::size_t at = 4096; at + 152 <= whole.size(); at += 152) {  // key, 32 numbers, checksum
    if (whole.compare(at, 16, std::string(16, '\0')) == 0) continue;
    file.seekp(static_cast<std::streamoff>(at + 40));
    file.put(static_cast<char>(whole[at + 40] ^ 4));
  }
  file.close();
  EXPECT_TRUE(at::equal(start({}), made));
  EXPECT_THAT(reporters_[0]->notices,
              ElementsAre(testing::AllOf(HasSubstr("caption features"), HasSubstr("checksum"))));
  EXPECT_TRUE(at::equal(start({}), made));
  EXPECT_THAT(reporters_[0]->notices, IsEmpty()) << "they were kept again";
}

TEST_F(CaptionFeaturesTest, FolderThatCannotBeWritten_CostsTimeAlone) {
  const at::Tensor made = start({});
  std::ofstream(folder_ / "no folder") << "x";
  Wish wish;
  wish.config.folder = (folder_ / "no folder/cache").string();
  EXPECT_TRUE(at::equal(start(wish), made));
  EXPECT_THAT(reporters_[0]->notices, ElementsAre(HasSubstr("not kept")));
}

TEST_F(CaptionFeaturesTest, BoundThatIsReached_IsToldByTheFirstRankAlone) {
  Wish wish;
  wish.config.bytes_max = 0;
  const at::Tensor made = start(wish);
  EXPECT_THAT(reporters_[0]->notices, ElementsAre(HasSubstr("caption_features.bytes_max")));
  EXPECT_TRUE(at::equal(start({}), made));
  const auto ends = run_gang(2, [&](Rank& rank) -> Result<JobEnd> {
    CaptionFeatures features(rank, {*text_, tokenizer_, "other", wish.precision}, wish.config,
                             folder_ / "cache");
    for (int i = 0; i < 3; ++i) (void)features.features(kCaptions);
    return JobEnd::kFinished;
  });
  EXPECT_THAT(reporters_[0]->notices, SizeIs(1));
  EXPECT_THAT(reporters_[1]->notices, IsEmpty());
}

TEST_F(CaptionFeaturesTest, ThreadsOfOneRank_AskAtTheSameTime_AndGetTheSameBits) {
  const at::Tensor expected = start({});
  std::filesystem::remove_all(folder_ / "cache");
  std::vector<at::Tensor> got(4);
  (void)run_gang(1, [&](Rank& rank) -> Result<JobEnd> {
    CaptionFeatures features(rank, {*text_, tokenizer_, "digest", config::Precision::kFp32},
                             {.keep = CaptionKeeping::kFp32}, folder_ / "cache");
    std::vector<std::thread> threads;
    for (at::Tensor& mine : got) threads.emplace_back([&] { mine = features.features(kCaptions); });
    for (auto& thread : threads) thread.join();
    return JobEnd::kFinished;
  });
  for (const at::Tensor& mine : got) EXPECT_TRUE(at::equal(mine, expected));
}

}  // namespace
}  // namespace tagalign::jobs
