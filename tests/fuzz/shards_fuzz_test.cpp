// Readers of other people's shards and tables against damaged bytes: every answer is a value or a
// Status; nothing crashes, loops or takes memory that the file does not have.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <random>
#include <string>

#include "base/limits.h"
#include "data/datasets/caption_dataset.h"
#include "data/datasets/captions/caption_rows.h"
#include "data/datasets/captions/tag_table.h"
#include "data/sources/image_reader.h"
#include "data/sources/shard_set.h"
#include "tests/unit/data/shard_samples.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

constexpr int kArchives = 500;
constexpr int kTables = 1'000;
constexpr long kGrowthKiBMax = 256 * 1024;

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t bound) {
  return random() % std::max<std::size_t>(bound, 1);
}

long peak_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

/// One to eight changes: a byte, a number, a cut, a repetition.
std::string mutated(std::string bytes, Random& random) {
  for (std::size_t change = 0; change <= below(random, 8) && !bytes.empty(); ++change) {
    const std::size_t at = below(random, bytes.size());
    const std::size_t count = std::min(below(random, 64) + 1, bytes.size() - at);
    switch (below(random, 6)) {
      case 0:
        bytes.erase(at, count);
        break;
      case 1:
        bytes.insert(below(random, bytes.size()), bytes.substr(at, count));
        break;
      case 2:
        for (std::size_t i = at; i < at + std::min<std::size_t>(count, 8); ++i)
          bytes[i] = static_cast<char>(random() % 2 == 0 ? 0xff : 0);
        break;
      case 3:
        bytes.resize(at);
        break;
      default:
        bytes[at] = static_cast<char>(random());
    }
  }
  return bytes;
}

class ShardsFuzz : public ::testing::Test {
 protected:
  void SetUp() override { before_kib_ = peak_kib(); }
  void TearDown() override { EXPECT_LT(peak_kib() - before_kib_, kGrowthKiBMax); }

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
  /// Indexes damaged copies of `seed` and reads what they name; returns how many images that were.
  int read_damaged(const std::string& seed, const std::string& name) {
    int images = 0;
    for (int i = 0; i < kArchives; ++i) {
      const Path shard = folder_.write(name, i == 0 ? seed : mutated(seed, random_));
      const auto index = ShardIndex::build(posix_file_system(), shard, {});
      if (!index.ok()) {
        EXPECT_FALSE(index.status().message().empty());
        continue;
      }
      read_all(shard, *index, images);
    }
    return images;
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
  Random random_{20'261'127};
  long before_kib_ = 0;
};

TEST_F(ShardsFuzz, DamagedTars_GiveImagesOrFindings) {
  for (const char* format : {"pax", "gnutar"}) {
    write_tar(folder_.path() / "seed", files(), format);
    EXPECT_GT(read_damaged(bytes_of("seed"), "a.tar"), kArchives / 4) << format;
  }
}

TEST_F(ShardsFuzz, DamagedGzippedTars_GiveAnIndexOrFindings) {
  write_archive(folder_.path() / "seed", "pax", files(), nullptr, true);
  read_damaged(bytes_of("seed"), "a.tar.gz");
}

TEST_F(ShardsFuzz, DamagedZips_GiveImagesOrFindings) {
  write_zip(folder_.path() / "seed", files(), true);
  EXPECT_GT(read_damaged(bytes_of("seed"), "a.zip"), kArchives / 10);
  write_archive(folder_.path() / "seed64", "zip", files(), "zip:zip64");
  EXPECT_GT(read_damaged(bytes_of("seed64"), "b.zip"), kArchives / 10);
}

TEST_F(ShardsFuzz, DamagedLinesOfUrlAndCaption_GiveRows) {
  const std::string seed = "http://a\ta dog\r\n\nhttp://b\tcaf\xc3\xa9\ttwice\nno tab\nc.jpg\tx";
  int rows = 0;
  for (int i = 0; i < kTables; ++i) {
    const Path file = folder_.write("a.tsv", i == 0 ? seed : mutated(seed, random_));
    auto reader = CaptionRows::open(posix_file_system(), file);
    if (!reader.ok()) continue;
    while (true) {
      const auto row = reader->next();
      if (!row.ok() || !row->has_value()) break;
      EXPECT_NE((*row)->file.empty(), (*row)->url.empty());
      ++rows;
    }
  }
  EXPECT_GT(rows, kTables);
}

TEST_F(ShardsFuzz, DamagedTagTables_GiveATableOrAStatus) {
  const std::string seed = R"({"a.jpg": [0, 1], "http://b/\u00e9": [], "c/a.jpg": [2]})";
  int read = 0;
  for (int i = 0; i < kTables; ++i) {
    const Path file = folder_.write("a.json", i == 0 ? seed : mutated(seed, random_));
    const auto table = TagTable::read(posix_file_system(), file, 3, folder_.path());
    if (!table.ok()) continue;
    ++read;
    if (const auto match = table->find("x/a.jpg", "http://b")) {
      for (const auto tag : match->tags) EXPECT_LT(tag, 3);
    }
  }
  EXPECT_GT(read, kTables / 200);
}

}  // namespace
}  // namespace tagalign::data
