// Readers of other people's shards and tables against damaged bytes: every answer is a value or a
// Status; nothing crashes, loops or takes memory that the file does not have.
#include <gtest/gtest.h>

#include <string>

#include "base/limits.h"
#include "data/datasets/caption_dataset.h"
#include "data/datasets/captions/caption_rows.h"
#include "data/datasets/captions/tag_names.h"
#include "data/datasets/captions/tag_table.h"
#include "data/sources/image_reader.h"
#include "data/sources/shard_set.h"
#include "tests/fuzz/mutation.h"
#include "tests/unit/data/shard_samples.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

constexpr int kArchives = 500;
constexpr int kTables = 1'000;
constexpr long kGrowthKiBMax = 256 * 1024;

using fuzz::mutated;
using fuzz::Rounds;

class ShardsFuzz : public ::testing::Test {
 protected:
  void SetUp() override { before_kib_ = fuzz::peak_kib(); }
  void TearDown() override { EXPECT_LT(fuzz::peak_kib() - before_kib_, kGrowthKiBMax); }

  std::string bytes_of(const std::string& name) const {
    return posix_file_system().read_file(folder_.path() / name, 1 << 24).value();
  }
  static ArchiveFiles files() {
    return {{"0.jpg", std::string(700, 'a')},
            {"0.txt", "a dog"},
            {"0.json", R"({"url": "http://a", "caption": "b", "status": "success"})"},
            {std::string(150, 'n') + ".png", std::string(3000, 'b')},
            {"1.webp", ""}};
  }
  /// Indexes damaged copies of `seed` and reads what they name; returns how many images a copy had.
  double read_damaged(const std::string& seed, const std::string& name) {
    int images = 0;
    Rounds rounds(kArchives);
    while (rounds.more()) {
      const Path shard =
          folder_.write(name, rounds.first() ? seed : mutated(seed, rounds.random()));
      const auto index = ShardIndex::build(posix_file_system(), shard, {});
      if (!index.ok()) {
        EXPECT_FALSE(index.status().message().empty());
        continue;
      }
      read_all(shard, *index, images);
    }
    return static_cast<double>(images) / rounds.done();
  }
  static void read_all(const Path& shard, const ShardIndex& index, int& images) {
    const auto reader = ImageReader::create(posix_file_system(), {shard}, {});
    ASSERT_TRUE(reader.ok()) << reader.status().to_string();
    for (std::size_t i = 0; i < index.size(); ++i) {
      const ShardMember member = index.member(i);
      if (member.place.coding == MemberCoding::kInGzip) continue;
      const auto bytes = (*reader)->read({0, member.place, member.name});
      if (bytes.ok()) {
        EXPECT_EQ(bytes->size(), member.place.bytes);
        ++images;
      } else {
        EXPECT_FALSE(bytes.status().message().empty());
      }
    }
  }

  TemporaryFolder folder_;
  long before_kib_ = 0;
};

TEST_F(ShardsFuzz, DamagedTars_GiveImagesOrFindings) {
  for (const char* format : {"pax", "gnutar"}) {
    write_tar(folder_.path() / "seed", files(), format);
    EXPECT_GT(read_damaged(bytes_of("seed"), "a.tar"), 0.25) << format;
  }
}

TEST_F(ShardsFuzz, DamagedGzippedTars_GiveAnIndexOrFindings) {
  write_archive(folder_.path() / "seed", "pax", files(), nullptr, true);
  read_damaged(bytes_of("seed"), "a.tar.gz");
}

TEST_F(ShardsFuzz, DamagedZips_GiveImagesOrFindings) {
  write_zip(folder_.path() / "seed", files(), true);
  EXPECT_GT(read_damaged(bytes_of("seed"), "a.zip"), 0.1);
  write_archive(folder_.path() / "seed64", "zip", files(), "zip:zip64");
  EXPECT_GT(read_damaged(bytes_of("seed64"), "b.zip"), 0.1);
}

TEST_F(ShardsFuzz, DamagedCaptions_GiveRowsOrAStatus) {
  const std::string tsv = "http://a\ta dog\r\n\nhttp://b\tcaf\xc3\xa9\ttwice\nno tab\nc.jpg\tx";
  const std::string csv = "file,caption\na.jpg,\"a dog, \"\"big\"\"\"\r\nb.jpg,\"two\nlines\"\nc,d";
  const std::string json =
      "{\"id\": 7, \"caption\": \"a\"}\n{\"url\": \"http://b\", \"caption\": \"\\u00e9\"}\n";
  for (const std::string& seed : {tsv, csv, json}) {
    int rows = 0;
    Rounds rounds(kTables);
    while (rounds.more()) {
      const Path file = folder_.write("a", rounds.first() ? seed : mutated(seed, rounds.random()));
      auto reader = CaptionRows::open(posix_file_system(), file);
      if (!reader.ok()) continue;
      while (true) {
        const auto row = reader->next();
        if (!row.ok() || !row->has_value()) break;
        EXPECT_FALSE((*row)->key().empty());
        ++rows;
      }
    }
    EXPECT_GT(rows, rounds.done() / 4) << seed;
  }
}

TEST_F(ShardsFuzz, DamagedTagNames_GiveNamesOrAStatus) {
  const std::string seed = "dog\n\"cat, big\"\r\nman\n\n";
  int read = 0;
  Rounds rounds(kTables);
  while (rounds.more()) {
    const Path file = folder_.write("a", rounds.first() ? seed : mutated(seed, rounds.random()));
    const auto names = read_tag_names(posix_file_system(), file);
    if (!names.ok()) continue;
    EXPECT_FALSE(names->empty());
    ++read;
  }
  EXPECT_GT(read, rounds.done() / 10);
}

TEST_F(ShardsFuzz, DamagedRecordFiles_AreTold) {
  RecordFileWriter writer(posix_file_system(), RecordFileKind::kTagPiece,
                          {.file = folder_.path() / "seed", .scratch = {}});
  for (const char* record : {"a", "", "some bytes"}) ASSERT_TRUE(writer.add({record}).ok());
  ASSERT_TRUE(writer.finish("{}").ok());
  const std::string seed = bytes_of("seed");
  Rounds rounds(kTables);
  while (rounds.more()) {
    const std::string bytes = rounds.first() ? seed : mutated(seed, rounds.random());
    const auto read = RecordFile::from_bytes(bytes, RecordFileKind::kTagPiece);
    EXPECT_EQ(read.ok(), bytes == seed);
  }
}

TEST_F(ShardsFuzz, DamagedTagTables_GiveATableOrAStatus) {
  const std::string seed = R"({"a.jpg": [0, 1], "http://b/\u00e9": [], "c/a.jpg": [2]})";
  int read = 0;
  Rounds rounds(kTables);
  while (rounds.more()) {
    const Path file =
        folder_.write("a.json", rounds.first() ? seed : mutated(seed, rounds.random()));
    const auto table = TagTable::read(posix_file_system(), file, 3, folder_.path());
    if (!table.ok()) continue;
    ++read;
    if (const auto match = table->find("x/a.jpg", "http://b")) {
      for (const auto tag : match->tags) EXPECT_LT(tag, 3);
    }
  }
  EXPECT_GT(read, rounds.done() / 200);
}

}  // namespace
}  // namespace tagalign::data
