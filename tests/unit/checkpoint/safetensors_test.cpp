#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "base/random.h"
#include "checkpoint/format/safetensors_header.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/tensors.h"
#include "tests/unit/checkpoint/checkpoint_fixture.h"

namespace tagalign::checkpoint {
namespace {

using testing::HasSubstr;

class Safetensors : public TempFolderTest {
 protected:
  /// A file of one F32 tensor "a" whose header is `json` and whose data has `data_bytes` bytes.
  Path write_raw(const std::string& json, std::size_t data_bytes) {
    std::string text;
    for (unsigned shift = 0; shift < 64; shift += 8) {
      text.push_back(static_cast<char>((json.size() >> shift) & 0xFF));
    }
    text += json + std::string(data_bytes, 'x');
    const Path path = folder() / "raw.safetensors";
    EXPECT_TRUE(files().write_durable(path, text).ok());
    return path;
  }
  std::string error_of(const std::string& json, std::size_t data_bytes) {
    const auto result = read_safetensors(files(), write_raw(json, data_bytes));
    return result.ok() ? "ok" : result.status().to_string();
  }
};

TEST_F(Safetensors, EveryType_WrittenAndRead_IsEqual) {
  const SampleTensors sample(1);
  const Path path = folder() / "all.safetensors";
  ASSERT_TRUE(write_safetensors(files(), path, sample.views(), {{"format", "pt"}}).ok());
  const auto read = read_safetensors(files(), path);
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  EXPECT_EQ(read->metadata.at("format"), "pt");
  sample.expect_equal(read->tensors);
}

TEST_F(Safetensors, NoTensors_WrittenAndRead_IsEmpty) {
  const Path path = folder() / "none.safetensors";
  ASSERT_TRUE(write_safetensors(files(), path, {}, {}).ok());
  const auto read = read_safetensors(files(), path);
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  EXPECT_TRUE(read->tensors.empty());
}

TEST_F(Safetensors, KnownBytes_OfOneTensor_FollowTheFormat) {
  const float value = 1.0F;
  const TensorView view{"a", DType::kF32, {1}, std::as_bytes(std::span(&value, 1))};
  const Path path = folder() / "one.safetensors";
  ASSERT_TRUE(write_safetensors(files(), path, {view}, {}).ok());
  const std::string json = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  const std::string padded = json + std::string((8 - json.size() % 8) % 8, ' ');
  std::string expected(1, static_cast<char>(padded.size()));
  expected += std::string(7, '\0') + padded + std::string("\x00\x00\x80\x3f", 4);
  EXPECT_EQ(files().read_file(path, 1000).value(), expected);
}

TEST_F(Safetensors, WrongViews_AreRefusedByName) {
  const float value = 1.0F;
  const ByteSpan bytes = std::as_bytes(std::span(&value, 1));
  const auto refuse = [&](const std::vector<TensorView>& views) {
    return write_safetensors(files(), folder() / "x", views, {}).to_string();
  };
  EXPECT_THAT(refuse({{"a", DType::kF32, {2}, bytes}}),
              HasSubstr("'a': type and shape ask for 8 bytes, found 4"));
  EXPECT_THAT(refuse({{"a", DType::kF32, {-1}, bytes}}), HasSubstr("'a'"));
  EXPECT_THAT(refuse({{"a", DType::kF32, {1}, bytes}, {"a", DType::kF32, {1}, bytes}}),
              HasSubstr("doubled"));
  EXPECT_THAT(refuse({{"__metadata__", DType::kF32, {1}, bytes}}), HasSubstr("reserved"));
  EXPECT_THAT(refuse({{"\xff", DType::kF32, {1}, bytes}}), HasSubstr("UTF-8"));
  EXPECT_TRUE(names_in(folder()).empty());
}

TEST_F(Safetensors, MalformedHeaders_AreDataLossWithReason) {
  EXPECT_THAT(error_of("{", 0), HasSubstr("not JSON"));
  EXPECT_THAT(error_of("[]", 0), HasSubstr("not an object"));
  EXPECT_THAT(error_of(R"({"a":1})", 0), HasSubstr("'a'"));
  EXPECT_THAT(error_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{}})", 4),
              HasSubstr("doubled"));
  EXPECT_THAT(
      error_of(R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4),
      HasSubstr("'dtype' is doubled"));
  EXPECT_THAT(error_of(R"({"a":{"dtype":"F32","shape":[1]}})", 4), HasSubstr("data_offsets"));
  EXPECT_THAT(error_of(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4),
              HasSubstr("shape"));
  EXPECT_THAT(
      error_of(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", 4),
      HasSubstr("more than 2^63"));
  EXPECT_THAT(error_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4),
              HasSubstr("do not lie"));
  EXPECT_THAT(error_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4),
              HasSubstr("do not lie"));
  EXPECT_THAT(error_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 5),
              HasSubstr("end at byte 4"));
  EXPECT_THAT(error_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})", 5),
              HasSubstr("begin at byte 0"));
  EXPECT_THAT(error_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
                           "b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
                       6),
              HasSubstr("expected to begin at byte 4, found 2"));
  EXPECT_THAT(error_of(R"({"__metadata__":{"k":1}})", 0), HasSubstr("__metadata__"));
  EXPECT_THAT(error_of(R"({"x":)" + std::string(200, '[') + std::string(200, ']') + "}", 0),
              HasSubstr("nested too deeply"));
}

// safetensors-extra-key: what the official reader (0.8.0) passes over is passed over here.
TEST_F(Safetensors, HeadersThatTheOfficialReaderTakes_AreRead) {
  const std::string headers[] = {
      R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], "note": "x"}})",
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"n":{"x":[{"y":[[1]]}]}}})",
      R"({"a":{"dtype":"F32","n":1,"n":2,"shape":[2],"data_offsets":[0,8]}})",
      R"({"__metadata__":null,"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
      R"({"__metadata__":{"k":"1","k":"2"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
      " \n{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}\n\t  ",
  };
  for (const std::string& header : headers) {
    const auto read = read_safetensors(files(), write_raw(header, 8));
    ASSERT_TRUE(read.ok()) << header << ": " << read.status().to_string();
    EXPECT_EQ(read->tensors.at("a").shape, (std::vector<std::int64_t>{2})) << header;
  }
}

TEST_F(Safetensors, TensorsOfTypesThatAreNotRead_AreLeftOutAndNamed) {
  const std::string json = R"({"q":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,3]},
                               "a":{"dtype":"U8","shape":[2],"data_offsets":[3,5]},
                               "i":{"dtype":"I16","shape":[2],"data_offsets":[5,9]},
                               "z":{"dtype":"F33","shape":[0],"data_offsets":[9,9]}})";
  const auto read = read_safetensors(files(), write_raw(json, 9));
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  EXPECT_EQ(read->tensors.size(), 1U);
  EXPECT_EQ(read->tensors.at("a").bytes.size(), 2U);
  EXPECT_EQ(read->not_read,
            (std::map<std::string, std::string>{{"q", "F8_E4M3"}, {"i", "I16"}, {"z", "F33"}}));
  EXPECT_THAT(error_of(json, 10), HasSubstr("end at byte 9"));
  EXPECT_THAT(error_of(R"({"q":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[1,4]}})", 4),
              HasSubstr("begin at byte 0"));
}

TEST_F(Safetensors, FileThatWasCutOff_SaysSo) {
  const std::string json = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  EXPECT_THAT(error_of(json, 7), HasSubstr("cut off: fetch it again"));
}

TEST_F(Safetensors, LyingLengthField_IsDataLossWithoutAllocation) {
  std::string text(8, '\xff');
  const Path path = folder() / "lie.safetensors";
  ASSERT_TRUE(files().write_durable(path, text).ok());
  EXPECT_EQ(read_safetensors(files(), path).status().code(), ErrorCode::kDataLoss);
  ASSERT_TRUE(files().write_durable(path, "short").ok());
  EXPECT_EQ(read_safetensors(files(), path).status().code(), ErrorCode::kDataLoss);
}

TEST_F(Safetensors, UnsortedEntries_AreReadByTheirOffsets) {
  const std::string json = R"({"z":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
                               "a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})";
  const auto read = read_safetensors(files(), write_raw(json, 3));
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  EXPECT_EQ(read->tensors.at("a").bytes.size(), 2U);
}

/// Whatever happens to the header, the parser returns: an error, or entries that
/// lie within the data.
TEST(SafetensorsHeader, RandomMutations_NeverEscapeTheData) {
  const std::string good =
      R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[0],"data_offsets":[8,8]}})";
  const std::string alphabet = "{}[]\",:0123456789-eaFdtype\\\xff\x00";
  RandomStream random({.seed = 7}, StreamPurpose::kTest);
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = good;
    for (std::uint64_t edits = 1 + random.below(3); edits > 0; --edits) {
      const std::size_t at = random.below(text.size());
      switch (random.below(3)) {
        case 0:
          text[at] = alphabet[random.below(alphabet.size())];
          break;
        case 1:
          text.erase(at, 1 + random.below(4));
          break;
        default:
          text.insert(at, good.substr(random.below(good.size()), random.below(12)));
      }
      if (text.empty()) text = "{";
    }
    const auto header = decode_header(text, 8);
    if (!header.ok()) continue;
    ++accepted;
    std::multimap<std::uint64_t, std::uint64_t> ranges;
    for (const HeaderEntry& entry : header->entries) {
      ASSERT_EQ(tensor_bytes(entry.dtype, entry.shape), entry.end - entry.begin) << text;
      ranges.emplace(entry.begin, entry.end);
    }
    for (const UnreadEntry& entry : header->not_read) ranges.emplace(entry.begin, entry.end);
    std::uint64_t covered = 0;
    for (const auto& [begin, end] : ranges) covered += end - begin;
    ASSERT_EQ(covered, 8U) << text;
    ASSERT_TRUE(ranges.empty() || ranges.rbegin()->second <= 8U) << text;
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace tagalign::checkpoint
