// Rows of labels in files: what comes back is what was kept, or nothing.
#include "worker/labels/label_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <vector>

#include "base/format.h"
#include "checkpoint/safetensors.h"
#include "tests/support/fault_file_system.h"

namespace tagalign::jobs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::FaultFileSystem;

LabelKey key_of(const std::string& text, std::int64_t count = 3) {
  return {.made_from = digest128(as_bytes(text)), .count = count, .width = 2};
}

/// Bytes of the rows of `key`, others for each `salt`.
std::string rows_of(const LabelKey& key, char salt = 'a') {
  std::string bytes(key.bytes(), salt);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(bytes[i] + 7 * i);
  return bytes;
}

class LabelCacheTest : public testing::Test {
 protected:
  LabelCacheTest() {
    std::string name = (std::filesystem::temp_directory_path() / "ta_labels_XXXXXX").string();
    TA_CHECK(::mkdtemp(name.data()) != nullptr, "mkdtemp");
    home_ = name;
  }
  ~LabelCacheTest() override { std::filesystem::remove_all(home_); }

  LabelCache cache() { return {files_, home_ / "cache"}; }
  void keep(const LabelKey& key, char salt = 'a') {
    const Status kept = cache().keep(key, as_bytes(rows_of(key, salt)));
    ASSERT_TRUE(kept.ok()) << kept.to_string();
  }
  std::vector<std::string> names() { return files_.list_directory(home_ / "cache").value(); }
  Path only_file() {
    TA_CHECK(names().size() == 1, "one file");
    return home_ / "cache" / names()[0];
  }
  void write(const Path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }

  FileSystem& files_ = posix_file_system();
  Path home_;
};

TEST_F(LabelCacheTest, KeptRows_ComeBackBitForBit) {
  const LabelKey key = key_of("a"), other = key_of("b", 5);
  EXPECT_EQ(cache().find(key).status().code(), ErrorCode::kNotFound);
  keep(key);
  keep(other, 'z');
  EXPECT_EQ(cache().find(key).value(), rows_of(key));
  EXPECT_EQ(cache().find(other).value(), rows_of(other, 'z'));
  EXPECT_EQ(cache().find(key_of("c")).status().code(), ErrorCode::kNotFound);
}

TEST_F(LabelCacheTest, AnyFlippedBit_IsRefusedOrChangesNoRow) {
  const LabelKey key = key_of("a");
  keep(key);
  const Path path = only_file();
  const std::string whole = files_.read_file(path, 1 << 20).value();
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    write(path, flipped);
    const auto found = cache().find(key);
    if (found.ok()) {
      EXPECT_EQ(*found, rows_of(key)) << "bit " << bit;
    } else {
      EXPECT_NE(found.status().code(), ErrorCode::kNotFound) << "bit " << bit;
      ++refused;
    }
    const bool of_rows = bit / 8 >= whole.size() - key.bytes();
    EXPECT_TRUE(!of_rows || !found.ok()) << "bit " << bit;
  }
  EXPECT_GT(refused, 8 * key.bytes());
}

TEST_F(LabelCacheTest, CutFile_IsRefusedByName_AndReplacedByTheNext) {
  const LabelKey key = key_of("a");
  keep(key);
  const Path path = only_file();
  const std::string whole = files_.read_file(path, 1 << 20).value();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write(path, whole.substr(0, size));
    const Status refused = cache().find(key).status();
    EXPECT_EQ(refused.code(), ErrorCode::kDataLoss) << size;
    EXPECT_THAT(refused.message(), HasSubstr(path.string()));
  }
  keep(key);
  EXPECT_NE(only_file(), path);
  EXPECT_EQ(cache().find(key).value(), rows_of(key));
}

TEST_F(LabelCacheTest, ForeignRowsUnderTheName_AreRefused) {
  const LabelKey key = key_of("a"), other = key_of("b");
  keep(other);
  const Path from = only_file();
  const Path to = home_ / "cache" / format("labels-000002-{}.safetensors", key.made_from.hex());
  std::filesystem::rename(from, to);
  EXPECT_THAT(cache().find(key).status().message(), HasSubstr("another made_from"));
  const std::string bytes(key.bytes(), 'x');
  ASSERT_TRUE(checkpoint::write_safetensors(
                  files_, to, {{.name = "rows", .shape = {3, 2}, .bytes = as_bytes(bytes)}}, {})
                  .ok());
  EXPECT_THAT(cache().find(key).status().message(), HasSubstr("no format"));
  EXPECT_THAT(cache().find(key_of("a", 4)).status().message(), HasSubstr("no such rows"));
}

TEST_F(LabelCacheTest, MoreKeysThanAreKept_TheNewestStay) {
  for (std::size_t i = 0; i < LabelCache::kFilesMax + 3; ++i) keep(key_of(format("{}", i)));
  EXPECT_EQ(names().size(), LabelCache::kFilesMax);
  for (std::size_t i = 0; i < LabelCache::kFilesMax + 3; ++i)
    EXPECT_EQ(cache().find(key_of(format("{}", i))).ok(), i >= 3) << i;
  keep(key_of("5"), 'n');
  EXPECT_EQ(names().size(), LabelCache::kFilesMax) << "in place of the older one";
  EXPECT_EQ(cache().find(key_of("5")).value(), rows_of(key_of("5"), 'n'));
}

TEST_F(LabelCacheTest, NamesOfOthers_StayUntouched_LeftoversGo) {
  keep(key_of("a"));
  const Path folder = home_ / "cache";
  for (const char* name : {"labels-1.safetensors", "labels-x-0.safetensors", "notes.txt",
                           ".labels-000007-cut.safetensors.partial"})
    write(folder / name, "x");
  keep(key_of("b"));
  EXPECT_THAT(names(), ElementsAre(HasSubstr("labels-000001-"), HasSubstr("labels-000002-"),
                                   "labels-1.safetensors", "labels-x-0.safetensors", "notes.txt"));
}

TEST_F(LabelCacheTest, CrashAfterAnyOperation_LeavesTheRowsOrNone) {
  const LabelKey key = key_of("a"), old = key_of("old");
  std::uint64_t operations = 0;
  for (bool done = false; !done; ++operations) {
    std::filesystem::remove_all(home_ / "cache");
    keep(old);
    FaultFileSystem files(files_);
    files.crash_after(operations);
    done = LabelCache(files, home_ / "cache").keep(key, as_bytes(rows_of(key))).ok();
    const auto found = cache().find(key);
    EXPECT_EQ(found.ok() ? *found : rows_of(key), rows_of(key)) << operations;
    EXPECT_TRUE(found.ok() || found.status().code() == ErrorCode::kNotFound) << operations;
    EXPECT_EQ(cache().find(old).value(), rows_of(old)) << operations;
    EXPECT_TRUE(!done || found.ok());
  }
  EXPECT_GT(operations, 5U);
}

TEST_F(LabelCacheTest, FullDisk_IsAnErrorThatLeavesNothing) {
  const LabelKey key = key_of("a");
  FaultFileSystem files(files_);
  files.set_space(100);
  EXPECT_EQ(LabelCache(files, home_ / "cache").keep(key, as_bytes(rows_of(key))).code(),
            ErrorCode::kNoSpace);
  EXPECT_THAT(names(), IsEmpty());
}

}  // namespace
}  // namespace tagalign::jobs
