// Saves that go on while the caller does something else.
#include <atomic>

#include "base/checksum.h"
#include "tests/support/fault_file_system.h"
#include "tests/unit/checkpoint/save_load_fixture.h"

namespace tagalign::checkpoint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::FaultFileSystem;

/// A disk that stands still before the first change of a save, until it is let go.
class StandingDisk final : public FaultFileSystem {
 public:
  using FaultFileSystem::FaultFileSystem;
  ~StandingDisk() override { go(); }
  void go() {
    goes_ = true;
    goes_.notify_all();
  }
  Status create_directories(const Path& path) override {
    goes_.wait(false);
    return FaultFileSystem::create_directories(path);
  }

 private:
  std::atomic<bool> goes_ = false;
};

/// A tensor of the test's own, to change while it is being saved.
class SaverTest : public SaveLoad {
 protected:
  static constexpr std::size_t kFloats = (3 << 20) / sizeof(float);
  std::vector<TensorView> views() const {
    return {{"w", DType::kF32, {kFloats}, std::as_bytes(std::span(values_))}};
  }
  void expect_all(const Manifest& manifest, float value) const {
    const TensorMap tensors = load(files(), manifest).value();
    const std::vector<float> expected(kFloats, value);
    EXPECT_TRUE(
        std::ranges::equal(tensors.at("w").bytes.span(), std::as_bytes(std::span(expected))));
  }
  AllGather alone() { return alone_.seat(0).all_gather; }

  std::vector<float> values_ = std::vector<float>(kFloats, 1.0F);

 private:
  Rendezvous alone_{1};
};

TEST_F(SaverTest, TensorsChangedOnceSettled_AreSavedAsTheyWere) {
  StandingDisk disk(files());
  Saver saver(disk, {folder(), {}}, 0, 1);
  ASSERT_TRUE(saver.begin(views(), position_at(1)).ok());
  saver.settle();
  std::ranges::fill(values_, 2.0F);
  EXPECT_FALSE(saver.ready()) << "nothing was written yet";
  disk.go();
  const auto manifest = saver.finish(alone());
  ASSERT_TRUE(manifest.ok()) << manifest.status().to_string();
  expect_all(**manifest, 1.0F);
}

TEST_F(SaverTest, OneSaveAfterTheOther_ThroughTheSameMemory) {
  Saver saver(files(), {folder(), {}}, 0, 1);
  for (int step = 1; step <= 3; ++step) {
    std::ranges::fill(values_, static_cast<float>(step));
    ASSERT_TRUE(saver.begin(views(), position_at(static_cast<std::uint64_t>(step))).ok());
    saver.settle();
    std::ranges::fill(values_, -1.0F);
    const auto manifest = saver.finish(alone());
    ASSERT_TRUE(manifest.ok()) << manifest.status().to_string();
    EXPECT_TRUE(saver.idle());
    expect_all(**manifest, static_cast<float>(step));
  }
  EXPECT_EQ(list(files(), folder())->size(), 3U);
}

TEST_F(SaverTest, StateThatWasExpected_OrAnother_IsSaved) {
  Saver saver(files(), {folder(), {}}, 0, 1);
  saver.expect(views());
  EXPECT_TRUE(saver.idle());
  EXPECT_FALSE(saver.ready());
  ASSERT_TRUE(saver.begin(views(), position_at(1)).ok());
  expect_all(**saver.finish(alone()), 1.0F);
  saver.expect({});
  ASSERT_TRUE(saver.begin(views(), position_at(2)).ok());
  saver.expect(views());
  expect_all(**saver.finish(alone()), 1.0F);
}

TEST_F(SaverTest, TwoMeetings_TheSecondGivesTheManifest) {
  const auto counts = on_ranks(3, [&](const Coordination& seat) {
    Saver saver(files(), {folder(), {}}, seat.rank, seat.world);
    EXPECT_TRUE(saver.idle());
    EXPECT_FALSE(saver.ready());
    EXPECT_TRUE(saver.begin(views(), position_at(1)).ok());
    EXPECT_FALSE(saver.idle());
    const auto first = saver.meet(seat.all_gather);
    EXPECT_TRUE(first.ok() && !first->has_value()) << first.status().to_string();
    EXPECT_FALSE(saver.idle());
    const auto second = saver.meet(seat.all_gather);
    EXPECT_TRUE(second.ok() && second->has_value()) << second.status().to_string();
    EXPECT_TRUE(saver.idle());
    return (*second)->digest;
  });
  EXPECT_EQ(counts[0], counts[2]);
  EXPECT_EQ(counts[0], read_manifest(files(), folder() / "step-00000001")->digest);
}

TEST_F(SaverTest, NothingToMeetFor_MeetsNobody) {
  Saver saver(files(), {folder(), {}}, 0, 2);
  const AllGather nobody = [](const std::string&) -> Result<std::vector<std::string>> {
    ADD_FAILURE() << "gathered";
    return internal_error("gathered");
  };
  EXPECT_FALSE(saver.meet(nobody)->has_value());
  EXPECT_FALSE(saver.finish(nobody)->has_value());
}

TEST_F(SaverTest, NothingToCopy_IsSettled) {
  Saver saver(files(), {folder(), {}}, 0, 1);
  saver.settle();
  saver.expect(views());
  saver.settle();
  EXPECT_EQ(saver.begin({{"w[0:1]", DType::kF32, {}, {}}}, position_at(1)).code(),
            ErrorCode::kInvalidArgument);
  saver.settle();
  EXPECT_FALSE(saver.finish(alone()).ok());
  saver.settle();
}

TEST_F(SaverTest, BecomesReady_WithoutAnybodysHelp) {
  Saver saver(files(), {folder(), {}}, 0, 1);
  ASSERT_TRUE(saver.begin(views(), position_at(1)).ok());
  while (!saver.ready()) std::this_thread::yield();
  ASSERT_FALSE(saver.meet(alone())->has_value());
  while (!saver.ready()) std::this_thread::yield();
  EXPECT_EQ(list(files(), folder())->size(), 1U) << "published before the second meeting";
  EXPECT_TRUE(saver.meet(alone())->has_value());
}

TEST_F(SaverTest, SecondBeginWhileBusy_IsRefused_AndTheFirstGoesOn) {
  StandingDisk disk(files());
  Saver saver(disk, {folder(), {}}, 0, 1);
  ASSERT_TRUE(saver.begin(views(), position_at(1)).ok());
  const Status refused = saver.begin(views(), position_at(2));
  EXPECT_EQ(refused.code(), ErrorCode::kInternal);
  EXPECT_THAT(refused.message(),
              HasSubstr("save step 2: step 1 is still being saved; finish() it"));
  disk.go();
  EXPECT_EQ((*saver.finish(alone()))->position.step, 1U);
}

TEST_F(SaverTest, BeginThatFailsOnOneRank_FailsAllAtTheNextMeeting_AndAllGoOn) {
  on_ranks(2, [&](const Coordination& seat) {
    Saver saver(files(), {folder(), {}}, seat.rank, seat.world);
    std::vector<TensorView> bad = views();
    if (seat.rank == 1) bad[0].name = "w[0:1]";
    const Status begun = saver.begin(bad, position_at(1));
    EXPECT_EQ(begun.code(), seat.rank == 1 ? ErrorCode::kInvalidArgument : ErrorCode::kOk);
    const Status met = saver.finish(seat.all_gather).status();
    EXPECT_EQ(met.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(met.message(), HasSubstr("rank 1: tensor name 'w[0:1]'"));
    EXPECT_TRUE(saver.idle());
    EXPECT_TRUE(saver.begin(views(), position_at(1)).ok());
    EXPECT_TRUE(saver.finish(seat.all_gather).ok()) << "the same step, at once";
    return 0;
  });
  EXPECT_THAT(names_in(folder()), ElementsAre("step-00000001"));
}

TEST_F(SaverTest, DiskFullInTheBackground_ReachesAllRanks_WithItsRank) {
  on_ranks(3, [&](const Coordination& seat) {
    FaultFileSystem full(files());
    if (seat.rank == 1) full.set_space(500'000);
    Saver saver(full, {folder(), {}}, seat.rank, seat.world);
    EXPECT_TRUE(saver.begin(views(), position_at(1)).ok()) << "the disk is not looked at yet";
    const Status met = saver.meet(seat.all_gather).status();
    EXPECT_EQ(met.code(), ErrorCode::kNoSpace);
    EXPECT_TRUE(met.is_of_the_place());
    EXPECT_THAT(met.message(), HasSubstr("save step 1 below " + folder().string() + ": rank 1: "));
    return 0;
  });
  EXPECT_TRUE(names_in(folder()).empty());
}

TEST_F(SaverTest, DiskFullWhileThePublisherWrites_ReachesAllRanks) {
  on_ranks(2, [&](const Coordination& seat) {
    FaultFileSystem full(files());
    Saver saver(full, {folder(), {}}, seat.rank, seat.world);
    EXPECT_TRUE(saver.begin(views(), position_at(1)).ok());
    while (!saver.ready()) std::this_thread::yield();
    full.set_space(10);
    const Status met = saver.finish(seat.all_gather).status();
    EXPECT_EQ(met.code(), ErrorCode::kNoSpace);
    EXPECT_THAT(met.message(), HasSubstr("rank 0: "));
    return 0;
  });
  EXPECT_TRUE(names_in(folder()).empty());
}

TEST_F(SaverTest, GroupThatIsBroken_EndsTheSave) {
  Saver saver(files(), {folder(), {}}, 0, 2);
  ASSERT_TRUE(saver.begin(views(), position_at(1)).ok());
  const AllGather broken = [](const std::string&) -> Result<std::vector<std::string>> {
    return peer_lost("rank 1 is gone");
  };
  EXPECT_EQ(saver.finish(broken).status().code(), ErrorCode::kPeerLost);
  EXPECT_TRUE(saver.idle());
  EXPECT_TRUE(names_in(folder()).empty());
}

TEST_F(SaverTest, SaverDestroyedInTheMiddle_LeavesOnlyDotNames) {
  for (const bool met : {false, true}) {
    Saver saver(files(), {folder(), {}}, 1, 2);  // not the one that publishes
    ASSERT_TRUE(saver.begin(views(), position_at(1)).ok());
    while (met && !saver.ready()) std::this_thread::yield();
  }
  ASSERT_EQ(names_in(folder()).size(), 1U);
  EXPECT_THAT(names_in(folder())[0], testing::StartsWith(".step-00000001.tmp-"));
  save_ok(1, SampleTensors(1), position_at(2));
  EXPECT_THAT(names_in(folder()), ElementsAre("step-00000002"));
}

TEST_F(SaverTest, RankZeroThatComesLate_KeepsWhatTheOthersWroteAlready) {
  on_ranks(2, [&](const Coordination& seat) {
    StandingDisk disk(files());
    if (seat.rank == 1) disk.go();
    Saver saver(disk, {folder(), {}}, seat.rank, seat.world);
    EXPECT_TRUE(saver.begin(views(), position_at(1)).ok());
    if (seat.rank == 1)
      while (!saver.ready()) std::this_thread::yield();
    EXPECT_TRUE(seat.all_gather("rank 1 has written its shard").ok());
    disk.go();
    const auto manifest = saver.finish(seat.all_gather);
    EXPECT_TRUE(manifest.ok()) << manifest.status().to_string();
    if (manifest.ok()) expect_all(**manifest, 1.0F);
    return 0;
  });
}

/// Of a save that died under the same lease, with another number of ranks.
TEST_F(SaverTest, ForeignFilesInTheTemporaryFolder_DoNotBecomePartOfTheCheckpoint) {
  const Path temporary = folder() / ".step-00000001.tmp-0-0-1";
  ASSERT_TRUE(files().create_directories(temporary).ok());
  overwrite(temporary / "rank-00002-of-00003.safetensors", "stale");
  overwrite(temporary / "manifest.json", "stale");
  const Manifest manifest = save_ok(2, SampleTensors(1), position_at(1));
  EXPECT_THAT(names_in(manifest.folder),
              ElementsAre("manifest.json", "rank-00000-of-00002.safetensors",
                          "rank-00001-of-00002.safetensors"));
}

/// As on machines that each have a disk of their own under that name.
TEST_F(SaverTest, ShardThatRankZeroCannotSee_IsNotPublished) {
  const Path elsewhere = folder() / "elsewhere", here = folder() / "here";
  on_ranks(2, [&](const Coordination& seat) {
    Saver saver(files(), {seat.rank == 0 ? here : elsewhere, {}}, seat.rank, seat.world);
    EXPECT_TRUE(saver.begin(views(), position_at(1)).ok());
    const Status met = saver.finish(seat.all_gather).status();
    EXPECT_EQ(met.code(), ErrorCode::kDataLoss);
    EXPECT_THAT(met.message(), HasSubstr("do all ranks see the same folder?"));
    return 0;
  });
  EXPECT_TRUE(names_in(here).empty());
}

TEST_F(SaverTest, CheckpointOfALaterVersion_IsNotReplaced) {
  const Manifest there = save_ok(1, SampleTensors(1), position_at(1));
  std::string text = contents(there.folder / "manifest.json");
  text.replace(text.find("\"version\": 2"), 12, "\"version\": 3");
  const std::string body = text.substr(text.find('\n') + 1);
  overwrite(there.folder / "manifest.json",
            "{\"xxh3_128\": \"" + digest128(as_bytes(body)).hex() + "\",\n" + body);
  const auto refused = save_all(files(), 1, SampleTensors(1), position_at(1));
  EXPECT_EQ(refused[0].status().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(refused[0].status().message(), HasSubstr("version 3; use the version of tagalign"));
  EXPECT_THAT(names_in(folder()), ElementsAre("step-00000001"));
}

}  // namespace
}  // namespace tagalign::checkpoint
