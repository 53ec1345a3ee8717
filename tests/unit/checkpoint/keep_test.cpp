// Which checkpoints stay, and how the others go: nothing that is pinned, nothing by halves.
#include "tests/support/fault_file_system.h"
#include "tests/unit/checkpoint/hand_written.h"
#include "tests/unit/checkpoint/save_load_fixture.h"

#include "checkpoint/keep.h"

namespace tagalign::checkpoint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing_support::FaultFileSystem;

class Keep : public SaveLoad {
 protected:
  Path write(std::uint64_t step, bool scheduled = true) {
    RunPosition position = position_at(step);
    position.scheduled = scheduled;
    return write_by_hand(folder(), 1, SampleTensors(step).views(), position).folder;
  }
  void write_all(std::initializer_list<std::uint64_t> steps) {
    for (const std::uint64_t step : steps) write(step);
  }
  std::vector<std::uint64_t> steps() {
    std::vector<std::uint64_t> steps;
    const auto manifests = list(files(), folder()).value();
    for (const Manifest& manifest : manifests) steps.push_back(manifest.position.step);
    return steps;
  }
  std::vector<std::pair<std::uint64_t, std::string>> reasons(const KeepRules& rules) {
    std::vector<std::pair<std::uint64_t, std::string>> reasons;
    const auto fates = judge(files(), folder(), rules).value();
    for (const Fate& fate : fates)
      reasons.emplace_back(fate.manifest.position.step, (fate.stays ? "" : "-") + fate.reason);
    return reasons;
  }
  /// No name that a crash leaves behind.
  bool is_tidy() {
    for (const std::string& name : names_in(folder())) {
      if (name.starts_with('.')) return false;
    }
    return true;
  }
};

TEST_F(Keep, Rules_SayWhyEachStaysOrGoes) {
  write_all({100, 200, 250, 300, 350, 400});
  write(420, /*scheduled=*/false);
  write(450);
  write(460, /*scheduled=*/false);
  ASSERT_TRUE(pin(files(), folder() / "step-00000250", "job-7").ok());
  ASSERT_TRUE(pin(files(), folder() / "step-00000250", "ada").ok());
  EXPECT_THAT(
      reasons({.last = 2, .every = 200, .best = {300, 9999}}),
      ElementsAre(Pair(100, "-expired"), Pair(200, "every 200"), Pair(250, "pinned by ada, job-7"),
                  Pair(300, "best"), Pair(350, "-expired"), Pair(400, "last 2"),
                  Pair(420, "-unscheduled"), Pair(450, "last 2"), Pair(460, "newest")));
  EXPECT_THAT(reasons({}), testing::Contains(Pair(100, "all are kept")));
  EXPECT_THAT(reasons({}), testing::Contains(Pair(420, "-unscheduled")));
}

TEST_F(Keep, Retain_RemovesWhatIsLetGoAndWhatARemovalLeft_ButNoSaveInProgress) {
  write_all({1, 2, 3, 4});
  ASSERT_TRUE(files().create_directories(folder() / ".step-00000009.tmp-2-1-c0").ok());
  ASSERT_TRUE(files().create_directories(folder() / ".step-00000007.removed").ok());
  overwrite(folder() / "notes.txt", "mine");
  ASSERT_TRUE(retain(files(), folder(), {.last = 1, .every = 2}).ok());
  EXPECT_THAT(names_in(folder()), ElementsAre(".step-00000009.tmp-2-1-c0", "notes.txt",
                                              "step-00000002", "step-00000004"));
  EXPECT_TRUE(retain(files(), folder() / "absent", {.last = 1}).ok());
}

TEST_F(Keep, DamagedCheckpoint_IsNeitherCountedNorRemoved) {
  write_all({1, 2, 3});
  overwrite(folder() / "step-00000003/manifest.json", "{}");
  ASSERT_TRUE(retain(files(), folder(), {.last = 1}).ok());
  EXPECT_THAT(names_in(folder()), ElementsAre("step-00000002", "step-00000003"));
}

TEST_F(Keep, PinnedCheckpoint_StaysUntilItsLastOwnerLetsGo) {
  write_all({1, 2});
  const Path step = folder() / "step-00000001";
  ASSERT_TRUE(pin(files(), step, "a").ok());
  ASSERT_TRUE(pin(files(), step, "a").ok()) << "twice is as once";
  ASSERT_TRUE(pin(files(), step, "b").ok());
  EXPECT_EQ(remove_checkpoint(files(), step).code(), ErrorCode::kAlreadyExists);
  ASSERT_TRUE(unpin(files(), step, "a").ok());
  ASSERT_TRUE(retain(files(), folder(), {.last = 1}).ok());
  EXPECT_THAT(steps(), ElementsAre(1, 2));
  ASSERT_TRUE(unpin(files(), step, "b").ok());
  EXPECT_EQ(unpin(files(), step, "b").code(), ErrorCode::kNotFound);
  ASSERT_TRUE(retain(files(), folder(), {.last = 1}).ok());
  EXPECT_THAT(steps(), ElementsAre(2));
}

TEST_F(Keep, BadPins_AreRefused) {
  write_all({1});
  EXPECT_EQ(pin(files(), folder() / "step-00000002", "a").code(), ErrorCode::kNotFound);
  for (const std::string owner : {"", "a.b", "a/b", "a b", "ä"}) {
    EXPECT_EQ(pin(files(), folder() / "step-00000001", owner).code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_THAT(pin(files(), folder(), "a").message(), HasSubstr("expected the folder of a"));
  EXPECT_TRUE(pin(files(), folder() / "step-00000001/", "a").ok());
  EXPECT_THAT(names_in(folder() / "pins"), ElementsAre("step-00000001.a"));
}

/// Someone else, who comes between two operations of the one under test.
class Between final : public FaultFileSystem {
 public:
  Between(FileSystem& real, std::uint64_t rename, std::function<void()> then)
      : FaultFileSystem(real), rename_(rename), then_(std::move(then)) {}
  Status rename_durable(const Path& from, const Path& to) override {
    if (renames_++ == rename_) then_();
    return FaultFileSystem::rename_durable(from, to);
  }

 private:
  const std::uint64_t rename_;
  std::uint64_t renames_ = 0;
  std::function<void()> then_;
};

TEST_F(Keep, PinThatRacesWithARemoval_HoldsAndTheCheckpointIsBack) {
  write_all({1, 2});
  const Path step = folder() / "step-00000001";
  Between system(files(), 0, [&] { EXPECT_TRUE(pin(files(), step, "late").ok()); });
  EXPECT_EQ(remove_checkpoint(system, step).code(), ErrorCode::kAlreadyExists);
  EXPECT_TRUE(verify(files(), read_manifest(files(), step).value()).ok());
  EXPECT_TRUE(is_tidy());
  write(3);
  Between during(files(), 0,
                 [&] { EXPECT_TRUE(pin(files(), folder() / "step-00000002", "late").ok()); });
  EXPECT_TRUE(retain(during, folder(), {.last = 1}).ok());
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3));
}

/// The pin is written, and the checkpoint goes before the pin looks for it again.
class GoneAfterPin final : public FaultFileSystem {
 public:
  using FaultFileSystem::FaultFileSystem;
  Status write_durable(const Path& path, std::string_view contents) override {
    std::filesystem::remove_all(path.parent_path().parent_path() / "step-00000001");
    return FaultFileSystem::write_durable(path, contents);
  }
};

TEST_F(Keep, PinThatComesTooLate_IsToldAndTakenBack) {
  write_all({1, 2});
  GoneAfterPin system(files());
  EXPECT_EQ(pin(system, folder() / "step-00000001", "a").code(), ErrorCode::kNotFound);
  EXPECT_TRUE(names_in(folder() / "pins").empty());
}

TEST_F(Keep, CrashAfterAnyOperationOfARemoval_LeavesAWholeCheckpointOrNone) {
  int whole = 0, gone = 0;
  for (std::uint64_t k = 0;; ++k) {
    write_all({1, 2, 3});
    FaultFileSystem crashing(files());
    crashing.crash_after(k);
    const Status status = retain(crashing, folder(), {.last = 1});
    EXPECT_EQ(status.ok(), !crashing.crashed());
    const Newest newest = load_newest(files(), folder()).value();
    EXPECT_EQ(newest.manifest.position.step, 3U);
    // Nothing looks damaged, whatever an operation has left.
    for (const std::uint64_t step : {1U, 2U}) {
      const Path path = folder() / step_name(step);
      ++(files().exists(path) ? whole : gone);
      if (!files().exists(path)) continue;
      EXPECT_TRUE(verify(files(), read_manifest(files(), path).value()).ok()) << "crash " << k;
    }
    ASSERT_TRUE(retain(files(), folder(), {.last = 1}).ok());
    EXPECT_THAT(steps(), ElementsAre(3));
    EXPECT_TRUE(is_tidy());
    if (!crashing.crashed()) break;
  }
  EXPECT_GT(whole, 3);
  EXPECT_GT(gone, 3);
}

/// A pin that came between, and a crash after any operation that follows: it stays or is back.
TEST_F(Keep, CrashAfterAnyOperationOfARacedRemoval_NeverLosesThePinnedOne) {
  for (std::uint64_t k = 0;; ++k) {
    const Path step = write(1);
    write(2);
    FaultFileSystem crashing(files());
    Between system(crashing, 0, [&] {
      EXPECT_TRUE(pin(files(), step, "late").ok());
      crashing.crash_after(crashing.operations() + k);
    });
    (void)remove_checkpoint(system, step);
    ASSERT_TRUE(retain(files(), folder(), {.last = 1}).ok());
    ASSERT_TRUE(read_manifest(files(), step).ok()) << "crash " << k;
    EXPECT_TRUE(verify(files(), read_manifest(files(), step).value()).ok());
    EXPECT_TRUE(is_tidy());
    ASSERT_TRUE(unpin(files(), step, "late").ok());
    if (!crashing.crashed()) break;
  }
}

TEST_F(Keep, CrashAfterAnyOperationOfAPin_LeavesItPinnedOrNot) {
  bool was_pinned = false;
  for (std::uint64_t k = 0;; ++k) {
    const Path step = write(1);
    ASSERT_TRUE(files().remove_all(folder() / "pins").ok());
    FaultFileSystem crashing(files());
    crashing.crash_after(k);
    const bool is_pinned = pin(crashing, step, "a").ok();
    EXPECT_EQ(is_pinned, !crashing.crashed());
    const Status removed = remove_checkpoint(files(), step);
    EXPECT_TRUE(!is_pinned || removed.code() == ErrorCode::kAlreadyExists);
    was_pinned |= is_pinned;
    if (!crashing.crashed()) break;
  }
  EXPECT_TRUE(was_pinned);
}

/// Of a removal that had begun to delete files: half of a checkpoint must not come back.
TEST_F(Keep, StalePinOfAHalfRemovedCheckpoint_DoesNotBringItBack) {
  write_all({1, 2});
  FaultFileSystem crashing(files());
  crashing.crash_after(2);  // the rename and the manifest
  EXPECT_FALSE(remove_checkpoint(crashing, folder() / "step-00000001").ok());
  ASSERT_TRUE(files().create_directories(folder() / "pins").ok());
  overwrite(folder() / "pins/step-00000001.a", "");
  ASSERT_TRUE(retain(files(), folder(), {.last = 1}).ok());
  EXPECT_THAT(names_in(folder()), ElementsAre("pins", "step-00000002"));
}

}  // namespace
}  // namespace tagalign::checkpoint
