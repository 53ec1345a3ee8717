#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/checkpoint/save_load_fixture.h"

namespace tagalign::checkpoint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

TEST_F(SaveLoad, SameStateOfOtherRanksOrAnotherProgram_IsKeptAsItIs) {
  const SampleTensors sample(5);
  RunPosition position = position_at(4);
  position.scheduled = false;
  position.code = "0.1";
  const Manifest first = save_ok(2, sample, position);
  position.code = "0.2";
  const Manifest second = save_ok(3, sample, position);
  EXPECT_EQ(second.digest, first.digest);
  EXPECT_EQ(second.position.world_size, 2);
  EXPECT_EQ(second.position.code, "0.1");
  position.scheduled = true;
  EXPECT_TRUE(save_ok(3, sample, position).position.scheduled);
  sample.expect_equal(load(files(), read_manifest(files(), first.folder).value()).value());
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

TEST_F(SaveLoad, AnyBitFlippedAnywhere_IsDetected) {
  const SampleTensors sample(1);
  const Manifest manifest = save_ok(2, sample, position_at(1));
  for (const std::string& name : names_in(manifest.folder)) {
    const std::string good = contents(manifest.folder / name);
    for (std::size_t at = 0; at < good.size(); ++at) {
      if (good[at] == ' ' && at % 64 != 0) continue;  // thousands fill the header up
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
  EXPECT_THAT(status.message(),
              HasSubstr("rank-00001-of-00002.safetensors: tensor 'bytes', bytes "));
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

}  // namespace
}  // namespace tagalign::checkpoint
