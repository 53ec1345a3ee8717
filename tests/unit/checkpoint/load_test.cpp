// Reading by several threads: every block is compared, and errors name the same block in every run.
#include <atomic>
#include <cerrno>

#include "tests/support/fault_file_system.h"
#include "tests/unit/checkpoint/hand_written.h"
#include "tests/unit/checkpoint/save_load_fixture.h"

namespace tagalign::checkpoint {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// One tensor of many blocks and two of few bytes.
class LargeState {
 public:
  explicit LargeState(std::size_t floats) : large_(floats) {
    for (std::size_t i = 0; i < floats; ++i) large_[i] = static_cast<float>(i) * 0.5F;
  }
  std::vector<TensorView> views() const {
    const auto count = static_cast<std::int64_t>(large_.size());
    return {{"large", DType::kF32, {count}, std::as_bytes(std::span(large_))},
            {"mask", DType::kBool, {3}, std::as_bytes(std::span(mask_))},
            {"step", DType::kI64, {}, std::as_bytes(std::span(step_))}};
  }
  void expect_equal(const TensorMap& found) const {
    for (const TensorView& view : views()) {
      ASSERT_TRUE(found.contains(view.name));
      EXPECT_EQ(found.at(view.name).shape, view.shape);
      EXPECT_EQ(found.at(view.name).bytes, ByteBuffer(view.bytes)) << view.name;
    }
  }

 private:
  std::vector<float> large_;
  const bool mask_[3] = {true, false, true};
  const std::int64_t step_[1] = {77};
};

constexpr std::size_t kFloats = 1'000'003;  // 15 blocks and a part of one

class Load : public SaveLoad {
 protected:
  void flip(const Path& path, std::uint64_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const auto byte = static_cast<char>(file.get() ^ 4);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
  }
  const LargeState state_{kFloats};
};

TEST_F(Load, AnyNumberOfShardsAndThreads_GivesTheSameBytes) {
  for (const int world : {1, 2, 5}) {
    const Manifest manifest = write_by_hand(folder(), world, state_.views(),
                                            position_at(static_cast<std::uint64_t>(world)));
    for (const int threads : {1, 2, 7}) {
      const auto tensors = load(files(), manifest, {.threads = threads});
      ASSERT_TRUE(tensors.ok()) << tensors.status().to_string();
      state_.expect_equal(*tensors);
    }
    EXPECT_TRUE(verify(files(), manifest).ok());
  }
}

TEST_F(Load, DamagedBlock_IsNamedByTensorAndBytes_AndTheFirstOfSeveral) {
  const Manifest manifest = write_by_hand(folder(), 2, state_.views(), position_at(1));
  const Path first = manifest.folder / "rank-00000-of-00002.safetensors";
  const Path second = manifest.folder / "rank-00001-of-00002.safetensors";
  const LocatedHeader header = read_header(files(), first).value();
  const std::uint64_t data = header.data_start + header.header.entries.back().begin;
  ASSERT_TRUE(header.header.entries.back().name.starts_with("large["));
  flip(second, header.data_start);
  flip(first, data + 3 * kBlockBytes + 5);
  flip(first, data + 5 * kBlockBytes);
  for (int run = 0; run < 20; ++run) {
    const Status status = load(files(), manifest, {.threads = 4}).status();
    EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
    EXPECT_THAT(status.message(),
                AllOf(HasSubstr("shard rank-00000-of-00002.safetensors: tensor 'large', bytes " +
                                std::to_string(data + 3 * kBlockBytes) + " to " +
                                std::to_string(data + 4 * kBlockBytes - 1)),
                      HasSubstr("expected XXH3-128"), HasSubstr("use another checkpoint")));
    EXPECT_EQ(verify(files(), manifest, 3).message(), status.message());
  }
}

TEST_F(Load, AnyByteOfTheHeader_IsVerifiedBeforeItsTensorsAreRead) {
  const SampleTensors sample(4);
  const Manifest manifest = write_by_hand(folder(), 1, sample.views(), position_at(1));
  const Path shard = manifest.folder / "rank-00000-of-00001.safetensors";
  const std::uint64_t header = read_header(files(), shard)->data_start;
  for (std::uint64_t at = 0; at < header; ++at) {
    flip(shard, at);
    const Status status = verify(files(), manifest, 1);
    ASSERT_EQ(status.code(), ErrorCode::kDataLoss) << "byte " << at;
    EXPECT_THAT(status.message(), HasSubstr("rank-00000-of-00001"));
    flip(shard, at);
  }
  EXPECT_TRUE(verify(files(), manifest).ok());
}

TEST_F(Load, ShardOfAnotherStep_IsRefusedAlthoughItIsWhole) {
  const LargeState other(kFloats - 1);
  const Manifest first = write_by_hand(folder(), 2, state_.views(), position_at(1));
  const auto stale = [&](const std::vector<TensorView>& views) {
    const Manifest second = write_by_hand(folder(), 2, views, position_at(2));
    const char* name = "rank-00001-of-00002.safetensors";
    std::filesystem::copy_file(first.folder / name, second.folder / name,
                               std::filesystem::copy_options::overwrite_existing);
    return load(files(), second).status();
  };
  EXPECT_EQ(stale(other.views()).code(), ErrorCode::kDataLoss);
  std::vector<float> changed(kFloats, 1.0F);
  std::vector<TensorView> same_names = state_.views();
  same_names[0].bytes = std::as_bytes(std::span(changed));
  EXPECT_THAT(stale(same_names).message(),
              AllOf(HasSubstr("rank-00001-of-00002"), HasSubstr("expected XXH3-128")));
}

TEST_F(Load, MoreShardsThanElements_AreReadAndEmptyOnesVerified) {
  const float value = 3;
  const std::vector<TensorView> one = {
      {"x", DType::kF32, {1}, std::as_bytes(std::span(&value, 1))}};
  const Manifest manifest = write_by_hand(folder(), 3, one, position_at(1));
  EXPECT_EQ(load(files(), manifest)->at("x").bytes, ByteBuffer(one[0].bytes));
  flip(manifest.folder / "rank-00000-of-00003.safetensors", 100);
  EXPECT_EQ(load(files(), manifest).status().code(), ErrorCode::kDataLoss);
}

/// Reads that fail from some byte of one shard on.
class BadSector final : public testing_support::FaultFileSystem {
 public:
  BadSector(FileSystem& real, std::uint64_t from, int error)
      : FaultFileSystem(real), from_(from), error_(error) {}
  Status read_range(const Path& path, std::uint64_t offset, std::span<std::byte> target) override {
    if (offset >= from_) return errno_status(error_, "read " + path.string());
    return FaultFileSystem::read_range(path, offset, target);
  }

 private:
  const std::uint64_t from_;
  const int error_;
};

TEST_F(Load, ReadErrors_KeepWhoIsToBlame) {
  const Manifest manifest = write_by_hand(folder(), 1, state_.views(), position_at(1));
  BadSector broken(files(), 2 * kBlockBytes, EIO);
  const Status status = load(broken, manifest).status();
  EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
  EXPECT_TRUE(status.is_of_the_place());
  EXPECT_THAT(status.message(), HasSubstr("shard rank-00000-of-00001.safetensors: read "));
  BadSector closed(files(), 2 * kBlockBytes, EACCES);
  EXPECT_EQ(load(closed, manifest).status().code(), ErrorCode::kPermissionDenied);
  BadSector gone(files(), 2 * kBlockBytes, ENOENT);
  EXPECT_EQ(load(gone, manifest).status().code(), ErrorCode::kDataLoss);
}

TEST_F(Load, MachineShortOfFiles_EndsTheSearchInsteadOfSkippingTheNewest) {
  write_by_hand(folder(), 1, state_.views(), position_at(1));
  write_by_hand(folder(), 1, state_.views(), position_at(2));
  BadSector busy(files(), 0, EMFILE);
  EXPECT_EQ(load_newest(busy, folder()).status().code(), ErrorCode::kUnavailable);
  BadSector broken(files(), 0, EIO);
  EXPECT_EQ(load_newest(broken, folder())->skipped.size(), 2U);
}

/// A step that is saved, and an older one that is removed, just when the older one is read.
class Overtaken final : public testing_support::FaultFileSystem {
 public:
  Overtaken(FileSystem& real, std::function<void()> once)
      : FaultFileSystem(real), once_(std::move(once)) {}
  Status read_range(const Path& path, std::uint64_t offset, std::span<std::byte> target) override {
    if (!done_.exchange(true)) once_();
    return FaultFileSystem::read_range(path, offset, target);
  }

 private:
  std::function<void()> once_;
  std::atomic<bool> done_ = false;
};

TEST_F(Load, CheckpointRemovedWhileItIsRead_TheNewerOneIsTakenAndNothingIsSkipped) {
  const SampleTensors newer(9);
  const Manifest old = write_by_hand(folder(), 1, state_.views(), position_at(1));
  Overtaken system(files(), [&] {
    write_by_hand(folder(), 1, newer.views(), position_at(2));
    std::filesystem::remove_all(old.folder);
  });
  const Newest newest = load_newest(system, folder()).value();
  ASSERT_TRUE(newest.found);
  EXPECT_EQ(newest.manifest.position.step, 2U);
  EXPECT_TRUE(newest.skipped.empty());
  newer.expect_equal(newest.tensors);
}

TEST_F(Load, ManifestReplacedMeanwhile_IsRefused) {
  const Manifest manifest = write_by_hand(folder(), 1, state_.views(), position_at(1));
  write_by_hand(folder(), 1, SampleTensors(1).views(), position_at(1));
  EXPECT_THAT(load(files(), manifest).status().message(), HasSubstr("replaced meanwhile"));
  EXPECT_THAT(verify(files(), manifest).message(), HasSubstr("replaced meanwhile"));
}

}  // namespace
}  // namespace tagalign::checkpoint
