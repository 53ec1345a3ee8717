// Full disks, crashes and other writers while a checkpoint is saved.
#include <cerrno>
#include <fstream>

#include "tests/support/fault_file_system.h"
#include "tests/unit/checkpoint/save_load_fixture.h"

namespace tagalign::checkpoint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::FaultFileSystem;

TEST_F(SaveLoad, OneRanksDiskIsFull_AllFailWithNoSpace_AndTheOldStays) {
  const SampleTensors sample(1);
  save_ok(2, sample, position_at(1));
  FaultFileSystem full(files());
  full.set_space(100);
  const auto results = on_ranks(2, [&](const Coordination& seat) {
    FileSystem& system = seat.rank == 1 ? static_cast<FileSystem&>(full) : files();
    return save(system, seat, {folder(), {}}, sample.views(), position_at(2));
  });
  for (const auto& result : results) {
    EXPECT_EQ(result.status().code(), ErrorCode::kNoSpace);
    EXPECT_THAT(result.status().message(), HasSubstr("rank 1"));
  }
  EXPECT_THAT(names_in(folder()), ElementsAre("step-00000001"));
  EXPECT_EQ(load_newest(files(), folder())->manifest.position.step, 1U);
}

/// Field case disk-full-ends-job: the path stood there twice. And what only errno knows reaches all.
TEST_F(SaveLoad, OneRanksFolderIsReadOnly_AllSayThatThePlaceFailed) {
  FaultFileSystem read_only(files());
  read_only.fail_creates(EROFS);
  const SampleTensors sample(1);
  const auto results = on_ranks(2, [&](const Coordination& seat) {
    FileSystem& system = seat.rank == 1 ? static_cast<FileSystem&>(read_only) : files();
    return save(system, seat, {folder(), {}}, sample.views(), position_at(2));
  });
  for (const auto& result : results) {
    EXPECT_TRUE(result.status().is_of_the_place());
    const std::string& message = result.status().message();
    EXPECT_EQ(message.find("create"), message.rfind("create")) << message;
  }
}

TEST_F(SaveLoad, DiskFullAtAnyByte_FailsOrSucceedsWhole) {
  const SampleTensors sample(1);
  int failures = 0;
  for (std::uint64_t space = 0; space < 8000; space += 193) {
    FaultFileSystem full(files());
    full.set_space(space);
    const auto results = save_all(full, 1, sample, position_at(2));
    if (results[0].ok()) {
      sample.expect_equal(load(files(), *results[0]).value());
      ASSERT_TRUE(files().remove_all(folder() / "step-00000002").ok());
    } else {
      ++failures;
      EXPECT_EQ(results[0].status().code(), ErrorCode::kNoSpace) << results[0].status().to_string();
      EXPECT_TRUE(names_in(folder()).empty());
    }
  }
  EXPECT_GT(failures, 10);
  EXPECT_LT(failures, 42);
}

TEST_F(SaveLoad, LostOrFailedRename_IsReported) {
  FaultFileSystem lost(files());
  lost.lose_rename(0);
  EXPECT_FALSE(save_all(lost, 1, SampleTensors(1), position_at(1))[0].ok());
  FaultFileSystem failing(files());
  failing.fail_rename(0);
  EXPECT_EQ(save_all(failing, 1, SampleTensors(1), position_at(1))[0].status().code(),
            ErrorCode::kUnavailable);
  EXPECT_TRUE(names_in(folder()).empty());
}

/// Crashes after every k-th change of the disk while step 2 is saved beside a good step 1.
TEST_F(SaveLoad, CrashAfterAnyOperation_LeavesOldOrNewState) {
  const SampleTensors old_state(1);
  const SampleTensors new_state(2);
  save_ok(2, old_state, position_at(1));
  int olds = 0;
  int news = 0;
  for (std::uint64_t k = 0;; ++k) {
    FaultFileSystem crashing(files());
    crashing.crash_after(k);
    const auto results = save_all(crashing, 2, new_state, position_at(2));
    const Newest newest = load_newest(files(), folder()).value();
    ASSERT_TRUE(newest.found);
    EXPECT_TRUE(newest.skipped.empty());
    const bool is_new = newest.manifest.position.step == 2;
    ASSERT_TRUE((is_new ? new_state : old_state).equals(newest.tensors)) << "crash after " << k;
    EXPECT_TRUE(is_new || !results[0].ok());
    ++(is_new ? news : olds);
    save_ok(2, new_state, position_at(2));
    for (const std::string& name : names_in(folder())) EXPECT_FALSE(name.starts_with('.')) << name;
    ASSERT_TRUE(files().remove_all(folder() / "step-00000002").ok());
    if (!crashing.crashed()) break;
  }
  EXPECT_GT(olds, 8);
  EXPECT_GE(news, 1);
}

/// The same while a damaged step 2 is replaced: afterwards step 1, or the new step 2.
TEST_F(SaveLoad, CrashWhileReplacingADamagedStep_LeavesOldOrNewState) {
  const SampleTensors old_state(1);
  const SampleTensors new_state(2);
  save_ok(1, old_state, position_at(1));
  for (std::uint64_t k = 0;; ++k) {
    const Manifest damaged = save_ok(1, new_state, position_at(2));
    overwrite(damaged.folder / "rank-00000-of-00001.safetensors", "rubbish");
    FaultFileSystem crashing(files());
    crashing.crash_after(k);
    const auto results = save_all(crashing, 1, new_state, position_at(2));
    const Newest newest = load_newest(files(), folder()).value();
    ASSERT_TRUE(newest.found);
    const bool is_new = newest.manifest.position.step == 2;
    ASSERT_TRUE((is_new ? new_state : old_state).equals(newest.tensors)) << "crash after " << k;
    ASSERT_TRUE(files().remove_all(folder() / "step-00000002").ok());
    if (!crashing.crashed()) {
      EXPECT_TRUE(results[0].ok() && is_new);
      break;
    }
  }
}

TEST_F(SaveLoad, LeftoversOfACrash_AreRemovedByTheNextSave) {
  ASSERT_TRUE(files().create_directories(folder() / ".step-00000009.tmp-2-1-c0").ok());
  save_ok(1, SampleTensors(1), position_at(1));
  EXPECT_THAT(names_in(folder()), ElementsAre("step-00000001"));
}

TEST_F(SaveLoad, LaterAttempt_TakesTheLeaseFromTheGivenUpOne) {
  const Lease first{"c0", 4, 1}, second{"c0", 4, 2};
  ASSERT_TRUE(take_lease(files(), folder(), second).ok());
  ASSERT_TRUE(take_lease(files(), folder(), second).ok()) << "a rank that was started again";
  EXPECT_EQ(take_lease(files(), folder(), first).status().code(), ErrorCode::kAlreadyExists);
  const auto refused = save_all(files(), 2, SampleTensors(1), position_at(1), first);
  EXPECT_EQ(refused[1].status().code(), ErrorCode::kAlreadyExists);
  EXPECT_THAT(
      refused[1].status().message(),
      HasSubstr("job 4 attempt 2 writes here, job 4 attempt 1 was given up; remove the file"));
  EXPECT_THAT(names_in(folder()), ElementsAre("lease"));
  EXPECT_TRUE(save_all(files(), 2, SampleTensors(1), position_at(1), second)[0].ok());
}

TEST_F(SaveLoad, LaterJob_TakesTheLeaseFromAnyAttemptOfTheEarlierOne) {
  const Lease earlier{"c0", 4, 3}, later{"c0", 5, 1};
  ASSERT_TRUE(take_lease(files(), folder(), earlier).ok());
  EXPECT_EQ(take_lease(files(), folder(), later).value(), later);
  EXPECT_EQ(contents(folder() / "lease"), "5 1 c0\n");
  EXPECT_EQ(save_all(files(), 1, SampleTensors(1), position_at(1), earlier)[0].status().code(),
            ErrorCode::kAlreadyExists);
  EXPECT_EQ(take_lease(files(), folder(), {"c0", 4, 4}).status().code(), ErrorCode::kAlreadyExists);
}

TEST_F(SaveLoad, JobOfAnotherCoordinator_TakesTheLeaseWhateverItsNumbers) {
  const Lease earlier{"c0", 4, 3}, later{"c1", 2, 1};
  ASSERT_TRUE(take_lease(files(), folder(), earlier).ok());
  ASSERT_TRUE(take_lease(files(), folder(), later).ok());
  EXPECT_EQ(save_all(files(), 1, SampleTensors(1), position_at(1), earlier)[0].status().code(),
            ErrorCode::kAlreadyExists);
  EXPECT_TRUE(save_all(files(), 1, SampleTensors(1), position_at(1), later)[0].ok());
}

TEST_F(SaveLoad, RunsWithoutCoordinator_TakeOverAndReplaceEachOther) {
  const Lease job{"c0", 4, 3};
  ASSERT_TRUE(take_lease(files(), folder(), job).ok());
  const Lease first = take_lease(files(), folder(), {}).value();
  EXPECT_TRUE(save_all(files(), 2, SampleTensors(1), position_at(1), first)[0].ok());
  const Lease second = take_lease(files(), folder(), {}).value();
  EXPECT_THAT(save_all(files(), 1, SampleTensors(1), position_at(2), first)[0].status().message(),
              HasSubstr("a run without a coordinator (number 2) writes here"));
  EXPECT_TRUE(save_all(files(), 1, SampleTensors(1), position_at(2), second)[0].ok());
  EXPECT_FALSE(save_all(files(), 1, SampleTensors(1), position_at(3), job)[0].ok());
  EXPECT_TRUE(take_lease(files(), folder(), job).ok()) << "submitted again";
}

TEST_F(SaveLoad, LeaseOfASingleNumber_IsReadAndTakenOver) {
  overwrite(folder() / "lease", "3\n");
  EXPECT_THAT(
      save_all(files(), 1, SampleTensors(1), position_at(1), {"c0", 4, 1})[0].status().message(),
      HasSubstr("a run without a coordinator (number 3) writes here"));
  EXPECT_EQ(take_lease(files(), folder(), {}).value().attempt, 4U);
  overwrite(folder() / "lease", "3\n");
  EXPECT_TRUE(take_lease(files(), folder(), {"c0", 4, 1}).ok());
}

TEST_F(SaveLoad, LeaseTakenWhileSaving_IsSeenBeforePublishing) {
  const SampleTensors sample(1);
  int meetings = 0;
  const Coordination seat{0, 1, [&](const std::string& mine) -> Result<std::vector<std::string>> {
                            if (++meetings == 1) {
                              EXPECT_TRUE(take_lease(files(), folder(), {"c0", 4, 9}).ok());
                            }
                            return std::vector{mine};
                          }};
  const auto result = save(files(), seat, {folder(), {"c0", 4, 1}}, sample.views(), position_at(1));
  EXPECT_EQ(result.status().code(), ErrorCode::kAlreadyExists);
  EXPECT_THAT(names_in(folder()), ElementsAre("lease"));
}

TEST_F(SaveLoad, BrokenLease_SaysWhatToDo) {
  for (const std::string text : {"seven", "1 2 c0 4", "1 x c0", "", "1 "}) {
    overwrite(folder() / "lease", text);
    EXPECT_THAT(take_lease(files(), folder(), {"c0", 4, 1}).status().message(),
                HasSubstr("found '" + text + "'; remove the file"));
  }
}

}  // namespace
}  // namespace tagalign::checkpoint
