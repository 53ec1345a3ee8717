#include "checkpoint/format/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "checkpoint/format/layout.h"
#include "checkpoint/format/shard_plan.h"
#include "tests/unit/checkpoint/checkpoint_fixture.h"

namespace tagalign::checkpoint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ManifestContent sample_content() {
  ManifestContent content;
  content.position.step = 12;
  content.position.seed = std::numeric_limits<std::uint64_t>::max();
  content.position.world_size = 2;
  content.position.scalars = {{"third", 1.0 / 3}, {"nan", std::nan("")}, {"least", 5e-324}};
  content.position.code = "0.1";
  content.shards = {{4096 + 12, {1, 2}}, {4096 + 4, {3, 4}}};
  content.tensors = {{"a", DType::kF32, {4}, {{0, 0, 3, {{5, 6}}}, {1, 3, 4, {{7, 8}}}}},
                     {"none", DType::kU8, {0}, {}}};
  return content;
}

/// The text with its body changed and its seal made right again.
std::string reseal(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  const std::string body = text.substr(text.find('\n') + 1);
  return "{\"xxh3_128\": \"" + digest128(as_bytes(body)).hex() + "\",\n" + body;
}

std::string name_of(const ManifestContent& content) {
  return content_digest(content, encode_manifest(content).value()).value();
}

TEST(ContentDigest, ProgramAndPlace_AreNotInIt_ButWhatDeterminesNumbersIs) {
  const ManifestContent content = sample_content();
  ManifestContent elsewhere = content;
  elsewhere.position.code = "0.2";
  elsewhere.position.settings["?checkpoint.directory"] = "/elsewhere";
  EXPECT_EQ(name_of(elsewhere), name_of(content));
  ManifestContent other = content;
  other.position.settings["optimizer.base_lr"] = "0.5";
  EXPECT_NE(name_of(other), name_of(content));
  other = content;
  other.tensors[0].slices[0].blocks[0] = {5, 7};
  EXPECT_NE(name_of(other), name_of(content));
}

TEST(ManifestText, EncodedAndDecoded_IsEqual) {
  const std::string text = encode_manifest(sample_content()).value();
  const ManifestContent content = decode_manifest(text).value();
  EXPECT_EQ(content.position.scalars.at("third"), 1.0 / 3);
  EXPECT_EQ(content.position.scalars.at("least"), 5e-324);
  EXPECT_TRUE(std::isnan(content.position.scalars.at("nan")));
  EXPECT_EQ(content.position.code, "0.1");
  EXPECT_THAT(content.tensors[0].slices[1].blocks, ElementsAre(Digest128{7, 8}));
  EXPECT_EQ(encode_manifest(content).value(), text);
}

/// `text` with a key before `before`, under a right seal, as whoever decodes it sees it.
Status with_key(const std::string& text, const std::string& before, const std::string& key) {
  return decode_manifest(reseal(text, before, "\"" + key + "\": {}, " + before)).status();
}

TEST(ManifestText, KeyThatMayBeSkipped_IsSkipped_AnyOtherIsRefusedByName) {
  const std::string text = encode_manifest(sample_content()).value();
  for (const std::string before : {"\"step\"", "\"file\"", "\"name\": \"a\"", "\"begin\": 3"}) {
    EXPECT_TRUE(with_key(text, before, "?later").ok())
        << with_key(text, before, "?later").message();
    const Status refused = with_key(text, before, "later");
    EXPECT_EQ(refused.code(), ErrorCode::kUnsupported) << before;
    EXPECT_THAT(refused.message(), HasSubstr("key 'later' of "));
    EXPECT_THAT(refused.message(), HasSubstr("use the version of tagalign that wrote it"));
  }
}

TEST(ManifestText, SizesThatContradictEachOther_AreRefused) {
  const auto error = [](const ManifestContent& content) {
    return decode_manifest(encode_manifest(content).value()).status().to_string();
  };
  ManifestContent content = sample_content();
  content.tensors[0].slices[0].blocks.push_back({9, 9});
  EXPECT_THAT(error(content), HasSubstr("tensor 'a': expected digests of 1 blocks, found 2"));
  content = sample_content();
  content.shards[1].bytes += 8;
  EXPECT_THAT(error(content), HasSubstr("shard 1: 4104 bytes are left for its header"));
  content.shards[1].bytes = 4;
  EXPECT_THAT(error(content), HasSubstr("shard 1: 0 bytes are left for its header"));
  const std::string text = encode_manifest(sample_content()).value();
  for (const std::string bad : {"0000000000000005", "x", "00000000000000050000000000000006 "}) {
    const auto cut = decode_manifest(reseal(text, "00000000000000050000000000000006", bad));
    EXPECT_EQ(cut.status().code(), ErrorCode::kDataLoss) << bad;
  }
}

TEST(Digests, OfBlocksAndShards_AreThoseOfTheFormat) {
  const std::string bytes(2 * kBlockBytes + 1, 'x');
  const auto blocks = block_digests(as_bytes(bytes));
  EXPECT_THAT(blocks, ElementsAre(digest128(as_bytes(bytes).first(kBlockBytes)), blocks[0],
                                  digest128(as_bytes("x"))));
  EXPECT_TRUE(block_digests({}).empty());
  using namespace std::string_literals;
  EXPECT_EQ(shard_digest("head", {{1, 0x0203}}),
            digest128(as_bytes("head\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x02\x03"s)));
}

TEST(ManifestText, WrongStructureUnderARightSeal_IsRefusedWithReason) {
  const std::string text = encode_manifest(sample_content()).value();
  const auto error = [&](const std::string& from, const std::string& to) {
    const auto result = decode_manifest(reseal(text, from, to));
    return result.ok() ? "ok" : result.status().to_string();
  };
  EXPECT_THAT(error("\"version\": 2", "\"version\": 3"),
              HasSubstr("unsupported: expected tagalign-checkpoint version 1 to 2, found "
                        "tagalign-checkpoint version 3; use the version"));
  EXPECT_THAT(error("\"step\": 12", "\"step\": -1"),
              HasSubstr("'step' is not a non-negative integer"));
  EXPECT_THAT(error("\"world_size\": 2", "\"world_size\": 3"), HasSubstr("one shard per rank"));
  EXPECT_THAT(error("rank-00001-of-00002", "../../etc/passwd"), HasSubstr("not named"));
  EXPECT_THAT(error("\"begin\": 3", "\"begin\": 2"), HasSubstr("not gapless"));
  EXPECT_THAT(error("\"shard\": 1", "\"shard\": 7"), HasSubstr("not gapless"));
  EXPECT_THAT(error("\"end\": 4", "\"end\": 5"), HasSubstr("do not cover"));
  EXPECT_THAT(error("\"name\": \"none\"", "\"name\": \"a\""), HasSubstr("doubled"));
}

TEST(ManifestText, TensorsLargerThanTheirShards_AreRefusedBeforeMemoryIsTaken) {
  ManifestContent content = sample_content();
  content.tensors[0].shape = {std::int64_t{1} << 50};
  content.tensors[0].slices = {{0, 0, std::uint64_t{1} << 50}};
  EXPECT_THAT(decode_manifest(encode_manifest(content).value()).status().message(),
              HasSubstr("expected digests of 17179869184 blocks, found 0"));
  content = sample_content();
  content.shards[0].bytes = 11;
  EXPECT_THAT(decode_manifest(encode_manifest(content).value()).status().message(),
              HasSubstr("exceed the shards"));
}

TEST(ManifestText, RandomMutationsUnderARightSeal_NeverCrash) {
  const std::string text = encode_manifest(sample_content()).value();
  const std::size_t start = text.find('\n') + 1;
  RandomStream random({.seed = 11}, StreamPurpose::kTest);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string body = text.substr(start);
    const std::size_t at = random.below(body.size());
    if (random.chance(0.5)) {
      body[at] = "{}[]\",:0123456789-e"[random.below(19)];
    } else {
      body.erase(at, 1 + random.below(6));
    }
    const std::string sealed =
        "{\"xxh3_128\": \"" + digest128(as_bytes(body)).hex() + "\",\n" + body;
    if (!decode_manifest(sealed).ok()) ++refused;
  }
  EXPECT_GT(refused, 1000);
}

TEST(ShardPlan, AllWorldSizes_CoverEveryElementOnce_Evenly) {
  const SampleTensors sample(1);
  const std::vector<TensorView> laid = sample.views();
  std::uint64_t total = 0;
  for (const TensorView& tensor : laid) total += tensor.bytes.size();
  for (int world = 1; world < 40; ++world) {
    std::vector<std::uint64_t> next(laid.size(), 0);
    for (int rank = 0; rank < world; ++rank) {
      std::uint64_t bytes = 0;
      for (const Slice& slice : plan_shard(laid, {rank, world})) {
        EXPECT_EQ(slice.begin, next[slice.tensor]);
        EXPECT_LT(slice.begin, slice.end);
        next[slice.tensor] = slice.end;
        bytes += slice_bytes(laid[slice.tensor], slice).size();
      }
      EXPECT_LE(bytes, total / static_cast<std::uint64_t>(world) + 16) << world;
    }
    for (std::size_t i = 0; i < laid.size(); ++i) {
      EXPECT_EQ(next[i] * dtype_bytes(laid[i].dtype), laid[i].bytes.size());
    }
  }
}

TEST(ShardPlan, TwoRanks_CutBetweenElements) {
  const std::vector<std::byte> bytes(12);
  const TensorView tensor{"a", DType::kF32, {3}, bytes};
  EXPECT_THAT(plan_shard({tensor}, {0, 2}), ElementsAre(Slice{0, 0, 1}));
  EXPECT_THAT(plan_shard({tensor}, {1, 2}), ElementsAre(Slice{0, 1, 3}));
  EXPECT_THAT(plan_shard({}, {1, 2}), IsEmpty());
}

TEST(ShardPlan, ShardedTensors_AreWrittenWhereTheyAre_AndTheRestIsCutAsEver) {
  const std::vector<std::byte> bytes(12);
  const TensorView whole{"a", DType::kF32, {3}, bytes};
  const TensorView part{"b", DType::kF32, {10}, bytes, 5};
  const TensorView alone{"c", DType::kF32, {3}, bytes, 0, true};
  const TensorView nothing{"d", DType::kF32, {3}, {}, 3};
  EXPECT_THAT(plan_shard({whole, part, alone, nothing}, {1, 2}),
              ElementsAre(Slice{0, 1, 3}, Slice{1, 5, 8}, Slice{2, 0, 3}));
  EXPECT_EQ(slice_bytes(part, {1, 6, 8}).data(), bytes.data() + 4);
}

TEST(Layout, StepNames_ThereAndBack) {
  EXPECT_EQ(step_name(1200), "step-00001200");
  EXPECT_EQ(step_of_name("step-00001200"), 1200U);
  EXPECT_EQ(step_of_name("step-1234567890123"), 1'234'567'890'123U);
  for (const char* name :
       {"step-1200", "step-000001200", "step-0000120x", "step-", ".step-00001200", "x"}) {
    EXPECT_EQ(step_of_name(name), std::nullopt) << name;
  }
  EXPECT_TRUE(looks_like_slice("a[0:3]"));
  EXPECT_FALSE(looks_like_slice("a[0]"));
  EXPECT_FALSE(looks_like_slice("a[x:3]"));
}

}  // namespace
}  // namespace tagalign::checkpoint
