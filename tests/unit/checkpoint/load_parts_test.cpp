// Loading some of a checkpoint: what another number of ranks needs of it, and no more.
#include <atomic>

#include "tests/support/fault_file_system.h"
#include "tests/unit/checkpoint/hand_written.h"
#include "tests/unit/checkpoint/save_load_fixture.h"

namespace tagalign::checkpoint {
namespace {

/// Counts the bytes of shards that are read.
class CountedReads final : public testing_support::FaultFileSystem {
 public:
  using FaultFileSystem::FaultFileSystem;
  Status read_range(const Path& path, std::uint64_t offset, std::span<std::byte> target) override {
    bytes += target.size();
    return FaultFileSystem::read_range(path, offset, target);
  }
  std::atomic<std::uint64_t> bytes = 0;
};

class LoadParts : public SaveLoad {
 protected:
  LoadParts() {
    for (std::size_t i = 0; i < moments_.size(); ++i) moments_[i] = static_cast<double>(i) / 3;
    for (std::size_t i = 0; i < small_.size(); ++i) small_[i] = static_cast<std::uint8_t>(i * 7);
  }
  std::vector<TensorView> views() const {
    return {{"moments", DType::kF64, {1000, 1501}, std::as_bytes(std::span(moments_))},
            {"small", DType::kU8, {250}, std::as_bytes(std::span(small_))}};
  }
  ByteBuffer moments(std::uint64_t begin, std::uint64_t end) const {
    return ByteBuffer(std::as_bytes(std::span(moments_)).subspan(begin * 8, (end - begin) * 8));
  }
  /// What rank `rank` of `world` keeps where moments are sharded.
  Range share(std::uint64_t rank, std::uint64_t world) const {
    return {moments_.size() * rank / world, moments_.size() * (rank + 1) / world};
  }

  std::vector<double> moments_ = std::vector<double>(1'501'000);
  std::vector<std::uint8_t> small_ = std::vector<std::uint8_t>(250);
};

TEST_F(LoadParts, AnyRange_HoldsItsElementsAndWhereTheyBegin) {
  const Manifest manifest = write_by_hand(folder(), 3, views(), position_at(1));
  const std::uint64_t count = moments_.size();
  const std::uint64_t block = kBlockBytes / 8;
  for (const Range range : {Range{0, 1}, Range{block - 1, block + 1}, Range{block, 2 * block},
                            Range{count / 3 - 1, count / 3 + 2}, Range{5, 3 * block + 7},
                            Range{7, count - 7}, Range{count - 1, count}, Range{0, UINT64_MAX}}) {
    for (const int threads : {1, 3}) {
      const auto tensors =
          load(files(), manifest, {.parts = {{"moments", range}}, .threads = threads});
      ASSERT_TRUE(tensors.ok()) << tensors.status().to_string();
      const TensorData& data = tensors->at("moments");
      EXPECT_EQ(data.begin, range.begin);
      EXPECT_EQ(data.shape, (std::vector<std::int64_t>{1000, 1501}));
      EXPECT_EQ(data.bytes, moments(range.begin, std::min(range.end, count))) << range.begin;
      EXPECT_EQ(tensors->at("small").bytes, ByteBuffer(std::as_bytes(std::span(small_))));
    }
  }
}

TEST_F(LoadParts, NothingAskedFor_ReadsNothing) {
  const Manifest manifest = write_by_hand(folder(), 2, views(), position_at(1));
  CountedReads counted(files());
  const auto tensors =
      load(counted, manifest, {.parts = {{"moments", {9, 9}}, {"small", {300, 400}}}});
  ASSERT_TRUE(tensors.ok());
  EXPECT_TRUE(tensors->at("moments").bytes.empty());
  EXPECT_TRUE(tensors->at("small").bytes.empty());
  EXPECT_EQ(counted.bytes, 0U);
}

/// Saved by 4 ranks that keep a quarter of the moments each, read by 1, 2, 3 and 6.
TEST_F(LoadParts, OtherWorldSize_ReadsLittleMoreThanItNeeds) {
  std::vector<std::vector<TensorView>> ranks;
  for (std::uint64_t rank = 0; rank < 4; ++rank) {
    ranks.push_back(views());
    const Range own = share(rank, 4);
    ranks.back()[0].begin = own.begin;
    ranks.back()[0].bytes = ranks.back()[0].bytes.subspan(own.begin * 8, (own.end - own.begin) * 8);
  }
  const Manifest manifest = write_by_hand(folder(), ranks, position_at(1));
  for (const std::uint64_t world : {1U, 2U, 3U, 6U}) {
    std::uint64_t read = 0, needed = 0;
    for (std::uint64_t rank = 0; rank < world; ++rank) {
      const Range own = share(rank, world);
      CountedReads counted(files());
      const auto tensors = load(counted, manifest, {.parts = {{"moments", own}}, .threads = 2});
      ASSERT_TRUE(tensors.ok()) << tensors.status().to_string();
      EXPECT_EQ(tensors->at("moments").bytes, moments(own.begin, own.end));
      read += counted.bytes;
      needed += (own.end - own.begin) * 8 + small_.size();
    }
    // A block at each end, and the headers: of a state of 12 MB more than of a real one.
    EXPECT_LE(read, needed + world * (2 * kBlockBytes + 4 * kDataAlignment)) << world;
  }
}

/// 128 MB: the blocks at the ends of what is asked for no longer count.
TEST_F(LoadParts, StateOfRealSize_ReadsAtMostATwentiethMore) {
  constexpr std::uint64_t kCount = 8 << 20;
  const std::vector<std::byte> zeros(4 * kCount);
  std::vector<TensorView> large;
  for (const char* name : {"adam_m", "adam_v", "weight", "late"})
    large.push_back({name, DType::kF32, {kCount}, zeros});
  const Manifest manifest = write_by_hand(folder(), 2, large, position_at(1));
  CountedReads counted(files());
  const Range third = {kCount / 3, 2 * kCount / 3};
  const auto tensors =
      load(counted, manifest, {.parts = {{"adam_m", third}, {"adam_v", third}, {"late", {0, 0}}}});
  ASSERT_TRUE(tensors.ok()) << tensors.status().to_string();
  std::uint64_t needed = 0;
  for (const auto& [name, data] : *tensors) needed += data.bytes.size();
  EXPECT_EQ(needed, 4 * (kCount + 2 * (third.end - third.begin)));
  EXPECT_LE(static_cast<double>(counted.bytes), 1.05 * static_cast<double>(needed));
  EXPECT_GE(counted.bytes, needed);
}

TEST_F(LoadParts, DamageInABlockThatIsRead_IsFound_AndElsewhereNot) {
  const Manifest manifest = write_by_hand(folder(), 1, views(), position_at(1));
  const Path shard = manifest.folder / "rank-00000-of-00001.safetensors";
  const std::uint64_t data = read_header(files(), shard)->data_start;
  std::fstream file(shard, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(data + 3 * kBlockBytes));
  file.put('!');
  file.close();
  const std::uint64_t block = kBlockBytes / 8;
  const auto code = [&](const Range& range) {
    return load(files(), manifest, {.parts = {{"moments", range}}}).status().code();
  };
  EXPECT_EQ(code({0, 3 * block}), ErrorCode::kOk);
  EXPECT_EQ(code({4 * block, 5 * block}), ErrorCode::kOk);
  // Not itself asked for, but in the block of what is.
  EXPECT_EQ(code({4 * block - 1, 4 * block}), ErrorCode::kDataLoss);
}

TEST_F(LoadParts, Version1_IsReadWholeAndHandsOutThePart) {
  const Manifest manifest =
      read_manifest(files(), Path(std::getenv("TAGALIGN_SOURCE")) /
                                 "tests/unit/checkpoint/data/version-1/step-00000007")
          .value();
  const auto tensors = load(files(), manifest, {.parts = {{"weight", {1, 3}}, {"steps", {0, 0}}}});
  ASSERT_TRUE(tensors.ok()) << tensors.status().to_string();
  const float expected[] = {-2.5F, 3.25F};
  EXPECT_EQ(tensors->at("weight").bytes, ByteBuffer(std::as_bytes(std::span(expected))));
  EXPECT_EQ(tensors->at("weight").begin, 1U);
  EXPECT_TRUE(tensors->at("steps").bytes.empty());
  EXPECT_TRUE(verify(files(), manifest).ok());
}

}  // namespace
}  // namespace tagalign::checkpoint
