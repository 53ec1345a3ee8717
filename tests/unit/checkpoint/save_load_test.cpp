#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>

#include "checkpoint/checkpoint.h"
#include "tests/support/fault_file_system.h"
#include "tests/unit/checkpoint/checkpoint_fixture.h"

namespace tagalign::checkpoint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::FaultFileSystem;

RunPosition position_at(std::uint64_t step) {
  RunPosition position;
  position.step = step;
  position.samples = step * 32;
  position.seed = 0xFFFF'FFFF'FFFF'FFFF;
  position.global_batch = 32;
  position.dataset_digest = "data";
  position.config_digest = "config";
  position.model_digest = "model";
  position.scalars = {{"loss_scale", 0.1}, {"infinite", std::numeric_limits<double>::infinity()}};
  return position;
}

class SaveLoad : public TempFolderTest {
 protected:
  /// Saves on `world` ranks; what each rank got.
  std::vector<Result<Manifest>> save_all(FileSystem& system, int world, const SampleTensors& sample,
                                         const RunPosition& position, const Lease& lease = {}) {
    return on_ranks(world, [&](const Coordination& seat) {
      return save(system, seat, {folder(), lease}, sample.views(), position);
    });
  }
  Manifest save_ok(int world, const SampleTensors& sample, const RunPosition& position) {
    const auto manifests = save_all(files(), world, sample, position);
    for (const auto& manifest : manifests) {
      EXPECT_TRUE(manifest.ok()) << manifest.status().to_string();
      EXPECT_EQ(manifest->digest, manifests[0]->digest);
    }
    return manifests.at(0).value();
  }
  Path shard_of(const Manifest& manifest, const std::string& name) const {
    return manifest.folder / name;
  }
  static std::string contents(const Path& path) { return files().read_file(path, 1 << 20).value(); }
  static void overwrite(const Path& path, const std::string& text) {
    ASSERT_TRUE(files().write_durable(path, text).ok());
  }
};

TEST_F(SaveLoad, AnyWorldSize_SavedAndLoaded_IsEqual) {
  const SampleTensors sample(3);
  for (const int world : {1, 2, 3, 8}) {
    const Manifest manifest =
        save_ok(world, sample, position_at(static_cast<std::uint64_t>(world)));
    const auto tensors = load(files(), manifest);
    ASSERT_TRUE(tensors.ok()) << tensors.status().to_string();
    sample.expect_equal(*tensors);
    EXPECT_EQ(names_in(manifest.folder).size(), static_cast<std::size_t>(world) + 1);
  }
}

TEST_F(SaveLoad, Position_SavedAndRead_IsEqual) {
  RunPosition position = position_at(1200);
  position.scheduled = false;
  const Manifest written = save_ok(2, SampleTensors(1), position);
  EXPECT_EQ(written.folder.filename(), "step-00001200");
  const Manifest read = read_manifest(files(), written.folder).value();
  EXPECT_EQ(read.digest, written.digest);
  EXPECT_EQ(read.position.samples, position.samples);
  EXPECT_EQ(read.position.seed, position.seed);
  EXPECT_EQ(read.position.scalars, position.scalars);
  EXPECT_EQ(read.position.world_size, 2);
  EXPECT_EQ(read.position.global_batch, 32);
  EXPECT_EQ(read.position.model_digest, "model");
  EXPECT_FALSE(read.position.scheduled);
}

TEST_F(SaveLoad, ShardsAreEven_AndPlainSafetensors) {
  const Manifest manifest = save_ok(2, SampleTensors(1), position_at(1));
  std::uint64_t bytes[2] = {};
  for (const int rank : {0, 1}) {
    const Path path =
        manifest.folder / ("rank-0000" + std::to_string(rank) + "-of-00002.safetensors");
    const auto shard = read_safetensors(files(), path);
    ASSERT_TRUE(shard.ok()) << shard.status().to_string();
    for (const auto& [name, data] : shard->tensors) bytes[rank] += data.bytes.size();
  }
  EXPECT_LT(std::max(bytes[0], bytes[1]) - std::min(bytes[0], bytes[1]), 16U);
}

TEST_F(SaveLoad, SameContentTwice_IsOkAndKeepsTheDigest) {
  const SampleTensors sample(5);
  const Manifest first = save_ok(2, sample, position_at(4));
  const Manifest second = save_ok(2, sample, position_at(4));
  EXPECT_EQ(first.digest, second.digest);
  EXPECT_THAT(names_in(folder()), ElementsAre("step-00000004"));
}

TEST_F(SaveLoad, UnscheduledThenScheduled_IsRaised_ButNotLowered) {
  const SampleTensors sample(5);
  RunPosition position = position_at(4);
  position.scheduled = false;
  save_ok(1, sample, position);
  position.scheduled = true;
  EXPECT_TRUE(save_ok(1, sample, position).position.scheduled);
  position.scheduled = false;
  EXPECT_TRUE(save_ok(2, sample, position_at(5)).position.scheduled);
  EXPECT_TRUE(save_ok(1, sample, position).position.scheduled);
  EXPECT_TRUE(read_manifest(files(), folder() / "step-00000004")->position.scheduled);
}

TEST_F(SaveLoad, OtherContentOfTheSameStep_IsRefused_AndTheOldStays) {
  const SampleTensors old(1);
  const Manifest manifest = save_ok(2, old, position_at(4));
  for (const auto& result : save_all(files(), 2, SampleTensors(2), position_at(4))) {
    EXPECT_EQ(result.status().code(), ErrorCode::kAlreadyExists);
  }
  old.expect_equal(load(files(), manifest).value());
  EXPECT_THAT(names_in(folder()), ElementsAre("step-00000004"));
}

TEST_F(SaveLoad, DamagedStepFolder_IsReplaced) {
  const SampleTensors sample(1);
  const Manifest manifest = save_ok(2, sample, position_at(4));
  overwrite(manifest.folder / "rank-00001-of-00002.safetensors", "rubbish");
  save_ok(2, sample, position_at(4));
  sample.expect_equal(load(files(), manifest).value());
  EXPECT_THAT(names_in(folder()), ElementsAre("step-00000004"));
}

TEST_F(SaveLoad, RanksThatDisagree_FailTogether_NamingTheRank) {
  const SampleTensors sample(1);
  const auto results = on_ranks(3, [&](const Coordination& seat) {
    return save(files(), seat, {folder(), {}}, sample.views(), position_at(seat.rank == 2 ? 8 : 7));
  });
  for (const auto& result : results) EXPECT_THAT(result.status().message(), HasSubstr("rank 2"));
  EXPECT_TRUE(names_in(folder()).empty());
}

TEST_F(SaveLoad, BadNames_AreRefused) {
  const float value = 1;
  const TensorView view{"a[0:1]", DType::kF32, {1}, std::as_bytes(std::span(&value, 1))};
  Rendezvous alone(1);
  const auto result = save(files(), alone.seat(0), {folder(), {}}, {view}, position_at(1));
  EXPECT_THAT(result.status().message(), HasSubstr("a[0:1]"));
}

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

TEST_F(SaveLoad, DiskFullAtAnyByte_FailsOrSucceedsWhole) {
  const SampleTensors sample(1);
  int failures = 0;
  for (std::uint64_t space = 0; space < 4000; space += 97) {
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
    ASSERT_TRUE(retain(files(), folder(), 0).ok());
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
                            if (++meetings == 2) {
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

TEST_F(SaveLoad, AnyBitFlippedAnywhere_IsDetected) {
  const SampleTensors sample(1);
  const Manifest manifest = save_ok(2, sample, position_at(1));
  for (const std::string& name : names_in(manifest.folder)) {
    const std::string good = contents(manifest.folder / name);
    for (std::size_t at = 0; at < good.size(); ++at) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
      std::ofstream(manifest.folder / name, std::ios::binary) << bad;
      const Newest newest = load_newest(files(), folder()).value();
      ASSERT_FALSE(newest.found) << name << " byte " << at;
      ASSERT_EQ(newest.skipped.size(), 1U);
    }
    std::ofstream(manifest.folder / name, std::ios::binary) << good;
  }
  sample.expect_equal(load(files(), manifest).value());
}

TEST_F(SaveLoad, MissingTruncatedForeignShards_AreNamedWithExpectedAndFound) {
  const SampleTensors sample(1);
  const Manifest manifest = save_ok(2, sample, position_at(1));
  const Path first = manifest.folder / "rank-00000-of-00002.safetensors";
  const Path second = manifest.folder / "rank-00001-of-00002.safetensors";
  const std::string good = contents(second);

  overwrite(second, good.substr(0, good.size() - 1));
  EXPECT_THAT(
      load(files(), manifest).status().message(),
      HasSubstr("shard rank-00001-of-00002.safetensors: expected " + std::to_string(good.size()) +
                " bytes, found " + std::to_string(good.size() - 1)));
  overwrite(second, std::string(good.size(), 'x'));
  EXPECT_THAT(load(files(), manifest).status().message(), HasSubstr("rank-00001-of-00002"));
  std::string flipped = good;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  overwrite(second, flipped);
  const Status status = load(files(), manifest).status();
  EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("rank-00001-of-00002.safetensors: expected XXH3-128"));
  overwrite(second, good);
  ASSERT_TRUE(files().remove_all(first).ok());
  EXPECT_THAT(load(files(), manifest).status().message(), HasSubstr("found no file"));
  overwrite(first, contents(second));
  EXPECT_EQ(load(files(), manifest).status().code(), ErrorCode::kDataLoss);
}

TEST_F(SaveLoad, ForeignFolders_AreNotCheckpoints) {
  ASSERT_TRUE(files().create_directories(folder() / "step-00000003").ok());
  ASSERT_TRUE(files().create_directories(folder() / "step-x").ok());
  overwrite(folder() / "notes.txt", "hello");
  const Newest newest = load_newest(files(), folder()).value();
  EXPECT_FALSE(newest.found);
  ASSERT_EQ(newest.skipped.size(), 1U);
  EXPECT_EQ(newest.skipped[0].reason.code(), ErrorCode::kNotFound);
  EXPECT_FALSE(load_newest(files(), folder() / "absent")->found);
  EXPECT_TRUE(list(files(), folder() / "absent")->empty());
}

TEST_F(SaveLoad, RenamedStepFolder_IsRefused) {
  const Manifest manifest = save_ok(1, SampleTensors(1), position_at(1));
  ASSERT_TRUE(files().rename_durable(manifest.folder, folder() / "step-00000009").ok());
  EXPECT_THAT(read_manifest(files(), folder() / "step-00000009").status().message(),
              HasSubstr("step 1"));
  ASSERT_TRUE(files().rename_durable(folder() / "step-00000009", folder() / "best").ok());
  EXPECT_TRUE(read_manifest(files(), folder() / "best").ok());
}

TEST_F(SaveLoad, LoadNewest_SkipsDamagedOnesWithReasons) {
  const SampleTensors good(2);
  save_ok(1, SampleTensors(1), position_at(1));
  save_ok(1, good, position_at(2));
  const Manifest third = save_ok(1, SampleTensors(3), position_at(3));
  const Manifest fourth = save_ok(1, SampleTensors(4), position_at(4));
  overwrite(third.folder / "manifest.json", "{}");
  ASSERT_TRUE(files().remove_all(fourth.folder / "rank-00000-of-00001.safetensors").ok());
  const Newest newest = load_newest(files(), folder()).value();
  ASSERT_TRUE(newest.found);
  EXPECT_EQ(newest.manifest.position.step, 2U);
  good.expect_equal(newest.tensors);
  ASSERT_EQ(newest.skipped.size(), 2U);
  EXPECT_EQ(newest.skipped[0].folder, fourth.folder);
  EXPECT_EQ(newest.skipped[1].folder, third.folder);
  EXPECT_EQ(list(files(), folder())->size(), 2U);
}

TEST_F(SaveLoad, Retain_KeepsNewestScheduledAndNewest) {
  for (std::uint64_t step = 1; step <= 8; ++step) {
    RunPosition position = position_at(step);
    position.scheduled = step % 2 == 0;
    save_ok(1, SampleTensors(step), position);
  }
  ASSERT_TRUE(retain(files(), folder(), 2).ok());
  EXPECT_THAT(names_in(folder()), ElementsAre("step-00000006", "step-00000008"));
  RunPosition position = position_at(9);
  position.scheduled = false;
  save_ok(1, SampleTensors(9), position);
  ASSERT_TRUE(retain(files(), folder(), 1).ok());
  EXPECT_THAT(names_in(folder()), ElementsAre("step-00000008", "step-00000009"));
  ASSERT_TRUE(retain(files(), folder(), 0).ok());
  EXPECT_THAT(names_in(folder()), ElementsAre("step-00000008", "step-00000009"));
}

}  // namespace
}  // namespace tagalign::checkpoint
