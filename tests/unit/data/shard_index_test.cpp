// Record files, indexes of shards, and where they are kept.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "data/sources/files/record_file.h"
#include "data/sources/files/sha1.h"
#include "data/sources/image_reader.h"
#include "data/sources/shard_set.h"
#include "tests/support/fault_file_system.h"
#include "tests/unit/data/shard_samples.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kKind = RecordFileKind::kShardIndex;

std::string read_text(const Path& path) {
  return posix_file_system().read_file(path, 1 << 24).value();
}

RecordFile write_records(const RecordFileTarget& target, int count = 9) {
  RecordFileWriter writer(posix_file_system(), kKind, target);
  for (int i = 0; i < count; ++i)
    EXPECT_TRUE(
        writer.add({std::to_string(i), std::string(static_cast<std::size_t>(i), 'x')}).ok());
  return writer.finish("{\"a\": 1}").value();
}

TEST(RecordFiles, InMemoryStoredAndSpilled_HoldTheSameRecords) {
  const TemporaryFolder folder;
  const Path stored = folder.path() / "stored", spilled = folder.path() / "spilled";
  const RecordFile files[] = {
      write_records({.file = {}, .scratch = folder.path()}),
      write_records({.file = stored, .scratch = {}}),
      write_records({.file = spilled, .scratch = {}, .memory_bytes_max = 20}),
      write_records({.file = {}, .scratch = folder.path(), .memory_bytes_max = 20})};
  EXPECT_EQ(read_text(stored), read_text(spilled));
  for (const RecordFile& file : files) {
    ASSERT_EQ(file.size(), 9U);
    EXPECT_EQ(file.record(0), "0");
    EXPECT_EQ(file.record(8), "8xxxxxxxx");
    EXPECT_EQ(file.meta(), "{\"a\": 1}");
  }
  EXPECT_THAT(posix_file_system().list_directory(folder.path()).value(),
              ElementsAre("spilled", "stored"));  // nothing of the scratch is left
}

TEST(RecordFiles, AnyChangedOrMissingByte_IsRefused) {
  const TemporaryFolder folder;
  write_records({.file = folder.path() / "a", .scratch = {}});
  const std::string whole = read_text(folder.path() / "a");
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 4);
    EXPECT_FALSE(RecordFile::from_bytes(changed, kKind).ok()) << i;
    EXPECT_FALSE(RecordFile::from_bytes(whole.substr(0, i), kKind).ok()) << i;
  }
  EXPECT_EQ(RecordFile::from_bytes(whole, RecordFileKind::kCaptions).status().code(),
            ErrorCode::kDataLoss);
}

TEST(RecordFiles, NewerVersion_IsRefusedWithBothNumbers) {
  const TemporaryFolder folder;
  write_records({.file = folder.path() / "a", .scratch = {}});
  std::string newer = read_text(folder.path() / "a");
  newer[8] = 2;
  EXPECT_THAT(RecordFile::from_bytes(newer, kKind).status().message(),
              AllOf(HasSubstr("format 2"), HasSubstr("knows 1")));
}

TEST(RecordFiles, CrashAfterAnyOperation_LeavesAWholeFileOrNone) {
  for (std::uint64_t operations = 0; operations < 12; ++operations) {
    const TemporaryFolder folder;
    testing_support::FaultFileSystem faults(posix_file_system());
    faults.crash_after(operations);
    const Path path = folder.path() / "a";
    RecordFileWriter writer(faults, kKind, {.file = path, .scratch = {}, .memory_bytes_max = 20});
    bool ok = true;
    for (int i = 0; ok && i < 5; ++i) ok = writer.add({"0123456789"}).ok();
    if (ok) ok = writer.finish("").ok();
    if (ok || std::filesystem::exists(path)) {
      EXPECT_TRUE(RecordFile::open(path, kKind).ok()) << operations;
    }
  }
}

TEST(Sha1, KnownTexts_HaveTheirDigests) {
  EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");  // FIPS 180-4, example
  EXPECT_EQ(sha1_hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

class ShardIndexTest : public ::testing::Test {
 protected:
  Path path(const std::string& name) const { return folder_.path() / name; }
  ShardSet open(std::vector<Path> shards, const Path& cache = {}) {
    auto set = ShardSet::open(posix_file_system(), std::move(shards), {cache, {}}, 2);
    EXPECT_TRUE(set.ok()) << set.status().to_string();
    return std::move(set).value();
  }

  TemporaryFolder folder_;
};

TEST_F(ShardIndexTest, ImagesAndTexts_ComeTogetherByKeyInAnyOrder) {
  write_tar(path("a.tar"),
            {{"0.txt", "before its image\n"},
             {"0.jpg", "A"},
             {"1.jpg", "B"},
             {"1.json", R"({"caption": "from json", "url": "http://b", "status": "success"})"},
             {"sub/1.png", "C"},
             {"1.txt", "the text wins"},
             {"sub/1.txt", ""}});
  const auto index = ShardIndex::build(posix_file_system(), path("a.tar"), {}).value();
  ASSERT_EQ(index.size(), 3U);
  EXPECT_EQ(index.member(0).caption, "before its image");
  EXPECT_EQ(index.member(1).caption, "the text wins");
  EXPECT_EQ(index.member(1).url, "http://b");
  EXPECT_EQ(index.member(2).name, "sub/1.png");
  EXPECT_TRUE(index.member(2).has_caption);
  EXPECT_EQ(index.findings().empty_captions, 1U);
  EXPECT_EQ(index.findings().statuses.at("success"), 1U);
}

TEST_F(ShardIndexTest, Oddities_AreCounted) {
  write_tar(path("a.tar"), {{"0.jpg", "A"},
                            {"1.txt", "no image"},
                            {"2.jpg", "B"},
                            {"2.jpeg", "again"},
                            {"2.txt", "x"},
                            {"3.json", "{broken"},
                            {"readme.md", "?"}});
  const auto index = ShardIndex::build(posix_file_system(), path("a.tar"), {}).value();
  const ShardFindings& found = index.findings();
  EXPECT_EQ(index.size(), 3U);
  EXPECT_EQ(found.without_caption, 1U);
  EXPECT_EQ(found.captions_without_image, 1U);
  EXPECT_EQ(found.duplicates, 1U);
  EXPECT_TRUE(index.member(2).is_duplicate);
  EXPECT_EQ(found.broken_texts, 1U);
  EXPECT_EQ(found.other_files, 1U);
}

TEST_F(ShardIndexTest, StoredIndex_IsUsedUntilTheShardChanges) {
  write_tar(path("a.tar"), {{"0.jpg", "A"}});
  EXPECT_EQ(open({path("a.tar")}).size(), 1U);
  const Path stored = path(".tagalign-index/a.tar.index");
  const auto made = std::filesystem::last_write_time(stored);
  const auto old = made - std::chrono::hours(1);
  std::filesystem::last_write_time(stored, old);
  EXPECT_EQ(open({path("a.tar")}).size(), 1U);
  EXPECT_EQ(std::filesystem::last_write_time(stored), old);
  write_tar(path("a.tar"), {{"0.jpg", "A"}, {"1.jpg", "B"}});
  std::filesystem::last_write_time(path("a.tar"), made + std::chrono::hours(1));
  EXPECT_EQ(open({path("a.tar")}).size(), 2U);
  EXPECT_NE(std::filesystem::last_write_time(stored), old);
}

TEST_F(ShardIndexTest, DamagedIndex_IsMadeAgain) {
  write_tar(path("a.tar"), {{"0.jpg", "A"}});
  open({path("a.tar")});
  const std::string whole = read_text(path(".tagalign-index/a.tar.index"));
  folder_.write(".tagalign-index/a.tar.index", whole.substr(0, 40));
  EXPECT_EQ(open({path("a.tar")}).size(), 1U);
  EXPECT_EQ(read_text(path(".tagalign-index/a.tar.index")), whole);
}

TEST_F(ShardIndexTest, InterruptedIndexing_GoesOnBehindTheFinishedShards) {
  std::vector<Path> shards;
  for (int i = 0; i < 4; ++i) {
    shards.push_back(path(std::to_string(i) + ".tar"));
    write_tar(shards.back(), {{"0.jpg", std::to_string(i)}});
  }
  testing_support::FaultFileSystem faults(posix_file_system());
  faults.crash_after(2);  // an index is stored by one operation
  EXPECT_FALSE(ShardSet::open(faults, shards, {}, 1).ok());
  EXPECT_THAT(posix_file_system().list_directory(path(".tagalign-index")).value(),
              ElementsAre("0.tar.index", "1.tar.index"));
  testing_support::FaultFileSystem counting(posix_file_system());
  EXPECT_EQ(ShardSet::open(counting, shards, {}, 1)->size(), 4U);
  EXPECT_EQ(counting.operations(), 2U);
}

TEST_F(ShardIndexTest, FolderThatCannotBeWritten_UsesTheCacheOrTheMemory) {
  write_tar(path("a.tar"), {{"0.jpg", "A"}});
  folder_.write(".tagalign-index", "a file where the folder should be");
  EXPECT_EQ(open({path("a.tar")}).size(), 1U);
  EXPECT_EQ(open({path("a.tar")}, path("cache")).size(), 1U);
  const auto cached = posix_file_system().list_directory(path("cache")).value();
  ASSERT_EQ(cached.size(), 1U);
  EXPECT_THAT(posix_file_system().list_directory(path("cache") / cached[0]).value(),
              ElementsAre("a.tar.index"));
}

TEST_F(ShardIndexTest, Notices_NameEachOddityOnce) {
  write_tar(path("00000.tar"), {{"0.jpg", "A"}, {"0.txt", "x"}});
  folder_.write("00000_stats.json",
                R"({"count": 3, "successes": 2, "status_dict": {"success": 2, "HTTP 404": 1}})");
  write_tar(path("00001.tar"), {{"1.jpg", std::string(3000, 'B')}, {"1.txt", "y"}});
  const std::string whole = read_text(path("00001.tar"));
  folder_.write("00001.tar", whole.substr(0, 2000));
  const ShardSet set = open({path("00000.tar"), path("00001.tar")});
  EXPECT_EQ(set.size(), 1U);
  EXPECT_EQ(set.shards()[0].statistics.statuses.at("HTTP 404"), 1U);
  EXPECT_THAT(set.notices(),
              Contains(AllOf(HasSubstr("00001.tar"), HasSubstr("its 0 images before that"))));
  EXPECT_THAT(set.notices(), Contains(HasSubstr("1 shard has no _stats.json")));
  EXPECT_THAT(set.notices(), Contains(HasSubstr("1 image that _stats.json counts is missing")));
}

TEST_F(ShardIndexTest, Roots_AreToldByWhatTheyHold) {
  std::filesystem::create_directories(path("shards"));
  write_tar(path("shards/1.tar"), {{"0.jpg", "A"}});
  write_zip(path("shards/0.zip"), {{"1.jpg", "B"}}, false);
  folder_.write("images/a.jpg", "A");
  std::filesystem::copy(path("shards/0.zip"), path("images/left-over.zip"));
  const auto shards = find_shards(path("shards").string()).value();
  EXPECT_THAT(shards.shards, ElementsAre(path("shards/0.zip"), path("shards/1.tar")));
  EXPECT_FALSE(shards.is_image_folder);
  EXPECT_TRUE(find_shards(path("images").string())->is_image_folder);
  EXPECT_THAT(find_shards(path("shards/*.tar").string())->shards,
              ElementsAre(path("shards/1.tar")));
  EXPECT_EQ(find_shards(path("none*").string()).status().code(), ErrorCode::kNotFound);
  EXPECT_THAT(find_shards(folder_.write("a.txt", "text").string()).status().message(),
              HasSubstr("expected a folder, a zip, or a tar"));
}

TEST_F(ShardIndexTest, Reader_GivesTheBytesFromSeveralThreads) {
  ArchiveFiles files;
  for (int i = 0; i < 200; ++i)
    files.push_back({std::to_string(i) + ".jpg",
                     std::string(static_cast<std::size_t>(i * 37), 'a') + std::to_string(i)});
  write_tar(path("a.tar"), files);
  write_zip(path("b.zip"), files, true);
  write_archive(path("c.tar.gz"), "pax", files, nullptr, true);
  const std::vector<Path> shards{path("a.tar"), path("b.zip"), path("c.tar.gz")};
  const ShardSet set = open(shards);
  const auto reader = ImageReader::create(posix_file_system(), shards, {}).value();
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = t; i < set.size(); i += 3) {
        const ShardMember member = set.image(i);
        const auto bytes =
            reader->read({static_cast<std::uint32_t>(set.shard_of(i)), member.place, member.name});
        if (!bytes.ok() || *bytes != files[i % 200].second) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(ShardIndexTest, ShardCutAfterIndexing_IsDataLossByName) {
  write_tar(path("a.tar"), {{"0.jpg", std::string(5000, 'A')}});
  const ShardSet set = open({path("a.tar")});
  std::filesystem::resize_file(path("a.tar"), 1000);
  const auto reader = ImageReader::create(posix_file_system(), {path("a.tar")}, {}).value();
  const ShardMember member = set.image(0);
  const auto bytes = reader->read({0, member.place, member.name});
  EXPECT_EQ(bytes.status().code(), ErrorCode::kDataLoss);
  EXPECT_THAT(bytes.status().message(), HasSubstr("a.tar"));
}

}  // namespace
}  // namespace tagalign::data
