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
  content.shards = {{100, {1, 2}}, {90, {3, 4}}};
  content.tensors = {{"a", DType::kF32, {4}, {{0, 0, 3}, {1, 3, 4}}},
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

TEST(ManifestText, EncodedAndDecoded_IsEqual) {
  const std::string text = encode_manifest(sample_content()).value();
  const ManifestContent content = decode_manifest(text).value();
  EXPECT_EQ(content.position.scalars.at("third"), 1.0 / 3);
  EXPECT_EQ(content.position.scalars.at("least"), 5e-324);
  EXPECT_TRUE(std::isnan(content.position.scalars.at("nan")));
  EXPECT_EQ(encode_manifest(content).value(), text);
}

TEST(ManifestText, WrongStructureUnderARightSeal_IsRefusedWithReason) {
  const std::string text = encode_manifest(sample_content()).value();
  const auto error = [&](const std::string& from, const std::string& to) {
    const auto result = decode_manifest(reseal(text, from, to));
    return result.ok() ? "ok" : result.status().to_string();
  };
  EXPECT_THAT(error("\"version\": 1", "\"version\": 2"),
              HasSubstr("unsupported: expected tagalign-checkpoint version 1"));
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
  const auto result = decode_manifest(encode_manifest(content).value());
  EXPECT_THAT(result.status().message(), HasSubstr("exceed the shards"));
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
    const auto shards = plan_shards(laid, world);
    std::vector<std::uint64_t> next(laid.size(), 0);
    for (const auto& shard : shards) {
      std::uint64_t bytes = 0;
      for (const Slice& slice : shard) {
        EXPECT_EQ(slice.begin, next[slice.tensor]);
        EXPECT_LT(slice.begin, slice.end);
        next[slice.tensor] = slice.end;
        bytes += (slice.end - slice.begin) * dtype_bytes(laid[slice.tensor].dtype);
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
  EXPECT_THAT(plan_shards({tensor}, 2),
              ElementsAre(ElementsAre(Slice{0, 0, 1}), ElementsAre(Slice{0, 1, 3})));
  EXPECT_THAT(plan_shards({}, 2), ElementsAre(IsEmpty(), IsEmpty()));
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
