// Archives as other tools write them: every member found, at the place from which its bytes are read.
#include "data/sources/archives/archive_walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "data/sources/archives/gzip_stream.h"
#include "data/sources/archives/member_reader.h"
#include "tests/unit/data/shard_samples.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Keeps what a walk tells.
struct Collected final : MemberSink {
  bool wants_text(std::string_view name, std::uint64_t) override { return name.ends_with(".txt"); }
  Status add(const ArchiveMember& member) override {
    names.emplace_back(member.name);
    texts.emplace_back(member.text);
    places.push_back(member.place);
    return {};
  }
  std::vector<std::string> names, texts;
  std::vector<MemberPlace> places;
};

std::string noise(std::uint64_t seed, std::size_t bytes) {
  RandomStream stream({seed, 0, 0}, StreamPurpose::kTest);
  std::string text;
  while (text.size() < bytes) text += static_cast<char>(stream.next_u32());
  return text;
}

/// Of sixteen letters: deflate's blocks end in the middle of bytes.
std::string letters(std::uint64_t seed, std::size_t bytes) {
  std::string text = noise(seed, bytes);
  for (char& c : text) c = static_cast<char>('a' + (c & 15));
  return text;
}

ArchiveFiles sample_files() {
  return {{"000000001.jpg", noise(1, 1000)},
          {"000000001.txt", "a dog"},
          {std::string(120, 'd') + "/" + std::string(90, 'n') + ".jpg", noise(2, 513)},
          {"\xe7\x8b\x97.jpg", noise(3, 7)},
          {"empty.jpg", ""},
          {"last.jpg", noise(4, 512)}};
}

class ArchiveWalkTest : public ::testing::Test {
 protected:
  Path path(const std::string& name) const { return folder_.path() / name; }

  void expect_found(const Path& archive, const ArchiveFiles& files, const Collected& found,
                    const std::vector<GzipPoint>& points = {}) {
    const auto file = OpenFile::open(archive).value();
    ASSERT_EQ(found.names.size(), files.size());
    for (std::size_t i = 0; i < files.size(); ++i) {
      EXPECT_EQ(found.names[i], files[i].first);
      if (files[i].first.ends_with(".txt")) {
        EXPECT_EQ(found.texts[i], files[i].second);
      }
      std::size_t point = points.empty() ? 0 : points.size() - 1;
      while (point > 0 && points[point].unpacked > found.places[i].offset) --point;
      const auto bytes = points.empty() ? read_member(*file, found.places[i])
                                        : read_in_gzip(*file, found.places[i], points[point]);
      ASSERT_TRUE(bytes.ok()) << bytes.status().to_string();
      EXPECT_EQ(*bytes, files[i].second) << files[i].first;
    }
  }

  TemporaryFolder folder_;
};

TEST_F(ArchiveWalkTest, EveryTarFormat_GivesAllMembersAtTheirPlaces) {
  ArchiveFiles files = sample_files();
  for (const char* format : {"pax", "gnutar"}) {
    files.push_back({std::string(300, 'x') + ".jpg", "beyond what ustar can name"});
    write_tar(path("a.tar"), files, format);
    Collected found;
    const auto end = walk_tar(*OpenFile::open(path("a.tar")).value(), found);
    ASSERT_TRUE(end.ok()) << end.status().to_string();
    EXPECT_THAT(end->trouble, IsEmpty()) << format;
    expect_found(path("a.tar"), files, found);
    files.pop_back();
  }
  write_tar(path("u.tar"), files, "ustar");
  Collected found;
  EXPECT_THAT(walk_tar(*OpenFile::open(path("u.tar")).value(), found)->trouble, IsEmpty());
  expect_found(path("u.tar"), files, found);
}

TEST_F(ArchiveWalkTest, CutTar_GivesTheWholeMembersBeforeTheCut) {
  const ArchiveFiles files = sample_files();
  write_tar(path("a.tar"), files, "pax");
  const std::string whole = posix_file_system().read_file(path("a.tar"), 1 << 20).value();
  Collected all;
  ASSERT_TRUE(walk_tar(*OpenFile::open(path("a.tar")).value(), all).ok());
  const std::uint64_t content_end = all.places.back().offset + all.places.back().bytes;
  for (std::uint64_t length = 0; length <= content_end; length += 97) {
    const Path cut = folder_.write("cut.tar", whole.substr(0, length));
    Collected found;
    const auto end = walk_tar(*OpenFile::open(cut).value(), found);
    ASSERT_TRUE(end.ok()) << end.status().to_string();
    EXPECT_FALSE(end->trouble.empty()) << length;
    std::size_t expected = 0;
    while (expected < files.size() &&
           all.places[expected].offset + all.places[expected].bytes <= length)
      ++expected;
    EXPECT_LE(found.names.size(), expected) << length;
    EXPECT_GE(found.names.size() + 1, expected) << length;  // padding belongs to a member
    expect_found(cut, {files.begin(), files.begin() + static_cast<long>(found.names.size())},
                 found);
  }
}

TEST_F(ArchiveWalkTest, TarOfOtherBytes_IsTrouble) {
  Collected found;
  const Path file = folder_.write("a.tar", noise(5, 4096));
  const auto end = walk_tar(*OpenFile::open(file).value(), found);
  ASSERT_TRUE(end.ok());
  EXPECT_FALSE(end->trouble.empty());
  EXPECT_THAT(found.names, IsEmpty());
}

TEST_F(ArchiveWalkTest, EveryZipForm_GivesAllMembersAtTheirPlaces) {
  const ArchiveFiles files = sample_files();
  write_zip(path("stored.zip"), files, false);
  write_zip(path("deflated.zip"), files, true);
  write_archive(path("zip64.zip"), "zip", files, "zip:zip64");
  const std::string stored = posix_file_system().read_file(path("stored.zip"), 1 << 20).value();
  folder_.write("behind.zip", noise(6, 333) + stored);
  for (const char* name : {"stored.zip", "deflated.zip", "zip64.zip", "behind.zip"}) {
    Collected found;
    const auto end = walk_zip(*OpenFile::open(path(name)).value(), found);
    ASSERT_TRUE(end.ok()) << end.status().to_string();
    EXPECT_THAT(end->trouble, IsEmpty()) << name;
    EXPECT_EQ(end->unreadable, 0U) << name;
    expect_found(path(name), files, found);
  }
}

TEST_F(ArchiveWalkTest, CutZip_IsTroubleWithoutMembers) {
  write_zip(path("a.zip"), sample_files(), true);
  const std::string whole = posix_file_system().read_file(path("a.zip"), 1 << 20).value();
  for (std::size_t length = 0; length + 1 < whole.size(); length += 31) {
    Collected found;
    const Path cut = folder_.write("cut.zip", whole.substr(0, length));
    const auto end = walk_zip(*OpenFile::open(cut).value(), found);
    ASSERT_TRUE(end.ok());
    EXPECT_THAT(end->trouble, HasSubstr("the file is cut")) << length;
  }
}

TEST_F(ArchiveWalkTest, ChangedDeflatedByte_IsDataLossOrOtherBytesNeverACrash) {
  write_zip(path("a.zip"), {{"a.jpg", std::string(5000, 'a')}}, true);
  Collected found;
  ASSERT_TRUE(walk_zip(*OpenFile::open(path("a.zip")).value(), found).ok());
  std::string bytes = posix_file_system().read_file(path("a.zip"), 1 << 20).value();
  bytes[30 + 5] = static_cast<char>(0xff);  // the first byte behind header and name
  const Path changed = folder_.write("b.zip", bytes);
  const auto read = read_member(*OpenFile::open(changed).value(), found.places[0]);
  EXPECT_EQ(read.status().code(), ErrorCode::kDataLoss) << read.status().to_string();
}

TEST_F(ArchiveWalkTest, GzipTar_IsReadFromThePointsBeforeItsMembers) {
  ArchiveFiles files;
  for (std::uint64_t i = 0; i < 40; ++i)
    files.push_back({std::to_string(i) + ".jpg", letters(i / 2, 400'000) + std::string(9999, 'z')});
  write_archive(path("a.tar.gz"), "ustar", files, nullptr, true);
  Collected found;
  const auto end = walk_gzip_tar(*OpenFile::open(path("a.tar.gz")).value(), found);
  ASSERT_TRUE(end.ok()) << end.status().to_string();
  EXPECT_THAT(end->trouble, IsEmpty());
  EXPECT_GE(end->points.size(), 4U);  // 16 MB, one each 4 MiB, and the start
  EXPECT_TRUE(std::any_of(end->points.begin(), end->points.end(),
                          [](const GzipPoint& point) { return point.bits != 0; }));
  expect_found(path("a.tar.gz"), files, found, end->points);
}

TEST_F(ArchiveWalkTest, GzipOfSeveralMembers_IsOneStream) {
  write_tar(path("a.tar"), sample_files());
  const std::string tar = posix_file_system().read_file(path("a.tar"), 1 << 20).value();
  std::string joined;
  for (const auto& part : {tar.substr(0, 700), tar.substr(700)}) {
    folder_.write("part", part);
    ASSERT_EQ(std::system(("gzip -kf " + path("part").string()).c_str()), 0);
    joined += posix_file_system().read_file(path("part.gz"), 1 << 20).value();
  }
  const Path file = folder_.write("a.tar.gz", joined);
  Collected found;
  const auto end = walk_gzip_tar(*OpenFile::open(file).value(), found);
  ASSERT_TRUE(end.ok());
  EXPECT_THAT(end->trouble, IsEmpty());
  expect_found(file, sample_files(), found, end->points);
}

TEST_F(ArchiveWalkTest, CutGzipTar_TellsSo) {
  write_archive(path("a.tar.gz"), "ustar", sample_files(), nullptr, true);
  const std::string whole = posix_file_system().read_file(path("a.tar.gz"), 1 << 20).value();
  const Path cut = folder_.write("cut.tar.gz", whole.substr(0, whole.size() / 2));
  Collected found;
  const auto end = walk_gzip_tar(*OpenFile::open(cut).value(), found);
  ASSERT_TRUE(end.ok());
  EXPECT_THAT(end->trouble, HasSubstr("is cut at byte"));
}

}  // namespace
}  // namespace tagalign::data
