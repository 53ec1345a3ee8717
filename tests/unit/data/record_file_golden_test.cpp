// Record files of every version that was ever written, byte for byte.
#include <gtest/gtest.h>

#include "data/datasets/captions/caption_table.h"
#include "data/sources/files/record_file.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

std::string from_hex(const std::string& digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return bytes;
}

/// Two records, "ab" and "", and the meta {}.
const std::string kVersion1 =
    "544147524543530a"
    "01000000"
    "01000000"
    "6162"
    "000000000000"
    "1200000000000000"
    "1200000000000000"
    "7b7d"
    "1800000000000000"
    "0200000000000000"
    "2800000000000000"
    "0200000000000000";

TEST(RecordFileGolden, Version1_IsWrittenAndReadAsItAlwaysWas) {
  const TemporaryFolder folder;
  const Path path = folder.path() / "a";
  RecordFileWriter writer(posix_file_system(), RecordFileKind::kShardIndex,
                          {.file = path, .scratch = {}});
  ASSERT_TRUE(writer.add({"a", "b"}).ok());
  ASSERT_TRUE(writer.add({}).ok());
  ASSERT_TRUE(writer.finish("{}").ok());
  const std::string written = posix_file_system().read_file(path, 1 << 20).value();
  const std::string expected = from_hex(kVersion1);
  EXPECT_EQ(written.substr(0, written.size() - 16), expected);
  const Digest128 digest = digest128(as_bytes(expected));
  std::string sum(16, '\0');
  for (std::size_t i = 0; i < 8; ++i) {
    sum[i] = static_cast<char>(digest.high >> (8 * i));
    sum[8 + i] = static_cast<char>(digest.low >> (8 * i));
  }
  EXPECT_EQ(written.substr(written.size() - 16), sum);
  const auto read = RecordFile::from_bytes(expected + sum, RecordFileKind::kShardIndex);
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ(read->record(0), "ab");
  EXPECT_EQ(read->record(1), "");
}

/// offset, packed, bytes; shard, lengths of file, caption, name and URL, number of tags, coding,
/// number of attributes; file, caption, tags, attributes.
const std::string kCaption =
    "0500000000000000"
    "0600000000000000"
    "0700000000000000"
    "02000000"
    "01000000"
    "03000000"
    "00000000"
    "00000000"
    "01000000"
    "01000000";
const std::string kCaptionTexts =
    "66"
    "636170"
    "03000000";

TEST(RecordFileGolden, Captions_WithoutAttributes_AreTheBytesThatTheyAlwaysWere) {
  CaptionEntry entry{.file = "f", .caption = "cap", .tags = {3}, .image = {}, .url = {}};
  entry.image = {2, {5, 6, 7, MemberCoding::kZipStored}, "f"};
  CaptionTableWriter writer(posix_file_system(), {});
  ASSERT_TRUE(writer.add(entry).ok());
  entry.attributes = {9, 8};
  ASSERT_TRUE(writer.add(entry).ok());
  const RecordFile table = writer.finish("{}").value();
  EXPECT_EQ(table.record(0), from_hex(kCaption + "00000000" + kCaptionTexts));
  EXPECT_EQ(table.record(1),
            from_hex(kCaption + "02000000" + kCaptionTexts + "09000000" + "08000000"));
  EXPECT_EQ(caption_entry(table, 0).attributes, std::vector<std::int32_t>());
  EXPECT_EQ(caption_entry(table, 1).attributes, (std::vector<std::int32_t>{9, 8}));
  EXPECT_EQ(caption_entry(table, 1).tags, std::vector<std::int32_t>{3});
}

}  // namespace
}  // namespace tagalign::data
