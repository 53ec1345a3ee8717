#include "checkpoint/write/shard_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/format/manifest.h"
#include "checkpoint/format/safetensors_header.h"
#include "checkpoint/write/stream_copy.h"
#include "tests/unit/checkpoint/checkpoint_fixture.h"

namespace tagalign::checkpoint {
namespace {

using testing::HasSubstr;

/// Keeps what is appended, and how.
class MemoryFile final : public WritableFile {
 public:
  Status append(ByteSpan bytes) override {
    aligned_ = aligned_ && reinterpret_cast<std::uintptr_t>(bytes.data()) % kDirectAlignment == 0 &&
               text_.size() % kDirectAlignment == 0;
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return ok_status();
  }
  Status sync() override { return ok_status(); }
  Status close() override { return ok_status(); }
  const std::string& text() const { return text_; }
  bool aligned() const { return aligned_; }

 private:
  std::string text_;
  bool aligned_ = true;
};

/// Of several pieces, with a last block and a last page that are not whole.
struct LargeState {
  explicit LargeState(std::size_t floats = (20 << 20) / sizeof(float) + 5) : values(floats) {
    for (std::size_t i = 0; i < floats; ++i) values[i] = static_cast<float>(i);
  }
  std::vector<TensorView> views() const {
    const auto count = static_cast<std::int64_t>(values.size());
    return {{"large", DType::kF32, {count}, std::as_bytes(std::span(values))},
            {"small", DType::kF32, {3}, std::as_bytes(std::span(values).first(3))}};
  }
  std::vector<float> values;
};

void take(ShardImage& image, const LargeState& state) {
  const Status laid = image.lay_out(state.views(), plan_shard(state.views(), {0, 1}));
  ASSERT_TRUE(laid.ok()) << laid.to_string();
  ASSERT_TRUE(image.copy().ok());
}

TEST(ShardImage, Written_IsASafetensorsFile_InAlignedPieces) {
  const LargeState state;
  ShardImage image;
  take(image, state);
  MemoryFile file;
  ASSERT_TRUE(image.write(file, {}).ok());
  EXPECT_EQ(file.text().size(), image.bytes());
  EXPECT_TRUE(file.aligned());
  const std::size_t data = image.bytes() - (state.values.size() + 3) * sizeof(float);
  EXPECT_EQ(data % kDataAlignment, 0U);
  const auto header =
      decode_header(std::string_view(file.text()).substr(8, data - 8), image.bytes() - data);
  ASSERT_TRUE(header.ok()) << header.status().to_string();
  EXPECT_EQ(header->entries[1].name, "small");
  EXPECT_EQ(as_bytes(file.text()).subspan(data).size(), header->entries[1].end);
  EXPECT_TRUE(std::ranges::equal(as_bytes(file.text()).subspan(data, state.values.size() * 4),
                                 std::as_bytes(std::span(state.values))));
}

TEST(ShardImage, Digests_AreThoseOfTheFormat) {
  const LargeState state;
  ShardImage image;
  take(image, state);
  const auto parts = image.parts();
  ASSERT_EQ(parts.size(), 2U);
  std::vector<Digest128> all;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    EXPECT_EQ(parts[i].blocks, block_digests(state.views()[i].bytes)) << i;
    all.insert(all.end(), parts[i].blocks.begin(), parts[i].blocks.end());
  }
  MemoryFile file;
  ASSERT_TRUE(image.write(file, {}).ok());
  const std::size_t data = image.bytes() - (state.values.size() + 3) * sizeof(float);
  EXPECT_EQ(image.digest(), shard_digest(std::string_view(file.text()).substr(0, data), all));
}

TEST(ShardImage, CopyThatIsChangedAnywhere_IsNotWritten) {
  const LargeState state;
  ShardImage image;
  take(image, state);
  for (const std::uint64_t at : {std::uint64_t{9}, std::uint64_t{4095}, std::uint64_t{4096},
                                 std::uint64_t{9 << 20}, image.bytes() - 13, image.bytes() - 1}) {
    image.data()[at] ^= std::byte{1};
    MemoryFile file;
    const Status status = image.write(file, {});
    EXPECT_EQ(status.code(), ErrorCode::kDataLoss) << at;
    EXPECT_THAT(status.message(), HasSubstr("changed before"));
    EXPECT_LE(file.text().size(), at) << "no changed byte is handed over";
    image.data()[at] ^= std::byte{1};
  }
  MemoryFile file;
  EXPECT_TRUE(image.write(file, {}).ok());
}

TEST(ShardImage, SmallerThenLargerState_IsTakenIntoTheSameImage) {
  ShardImage image;
  for (const std::size_t floats : {1000, 10, 100'000, 3}) {
    const LargeState state(floats);
    take(image, state);
    MemoryFile file;
    ASSERT_TRUE(image.write(file, {}).ok());
    EXPECT_EQ(image.parts()[0].blocks, block_digests(state.views()[0].bytes));
  }
}

TEST(StreamCopy, AnyLengthAtAnyAddress_CopiesThatAndNoMore) {
  std::vector<std::byte> source(300);
  for (std::size_t i = 0; i < source.size(); ++i) source[i] = static_cast<std::byte>(i * 7 + 1);
  for (std::size_t at = 0; at < 70; ++at) {
    for (const std::size_t bytes : {0, 1, 15, 63, 64, 65, 130, 200}) {
      std::vector<std::byte> target(300), expected(300);
      const ByteSpan part = std::span(source).subspan(at % 5, bytes);
      std::ranges::copy(part, expected.begin() + static_cast<std::ptrdiff_t>(at));
      stream_copy(target.data() + at, part);
      ASSERT_EQ(target, expected) << at << ", " << bytes;
    }
  }
}

TEST(ShardImage, NothingToWrite_IsAHeader) {
  ShardImage image;
  ASSERT_TRUE(image.lay_out({}, {}).ok());
  ASSERT_TRUE(image.copy().ok());
  MemoryFile file;
  ASSERT_TRUE(image.write(file, {}).ok());
  EXPECT_EQ(file.text().size(), kDataAlignment);
  EXPECT_TRUE(image.parts().empty());
}

TEST(ShardImage, AskedToStop_StopsBetweenPieces) {
  const LargeState state;
  ShardImage image;
  take(image, state);
  std::stop_source stop;
  stop.request_stop();
  MemoryFile file;
  EXPECT_EQ(image.write(file, stop.get_token()).code(), ErrorCode::kCancelled);
  EXPECT_TRUE(file.text().empty());
}

}  // namespace
}  // namespace tagalign::checkpoint
