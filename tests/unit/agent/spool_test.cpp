#include "worker/agent/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/agent/broken_disk.h"
#include "tests/unit/agent/temporary_folder.h"

namespace tagalign::agent {
namespace {

using protocol::AgentEvent;
using protocol::RankNotice;
using tagalign::testing::BrokenDisk;
using tagalign::testing::TemporaryFolder;
using ::testing::ElementsAre;

AgentEvent notice(const std::string& text) {
  return RankNotice{JobId{1}, Attempt{1}, 0, text};
}

std::vector<std::string> texts(const Spool& spool) {
  std::vector<std::string> texts;
  for (const auto& sequenced : spool.unacknowledged()) {
    texts.push_back(std::get<RankNotice>(sequenced.event).text);
  }
  return texts;
}

class SpoolTest : public ::testing::Test {
 protected:
  Spool open() {
    auto spool = Spool::open(disk_, folder_.path());
    EXPECT_TRUE(spool.ok()) << spool.status().to_string();
    return std::move(spool).value();
  }
  std::vector<Path> segments() const {
    std::vector<Path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
      paths.push_back(entry.path());
    std::ranges::sort(paths);
    return paths;
  }

  TemporaryFolder folder_;
  BrokenDisk disk_;
};

TEST_F(SpoolTest, Open_AfterRestart_HoldsUnacknowledgedEventsInOrder) {
  {
    Spool spool = open();
    EXPECT_EQ(*spool.append(notice("a")), 1u);
    EXPECT_EQ(*spool.append(notice("b")), 2u);
    EXPECT_EQ(*spool.append(notice("c")), 3u);
  }
  Spool spool = open();
  EXPECT_THAT(texts(spool), ElementsAre("a", "b", "c"));
  EXPECT_EQ(*spool.append(notice("d")), 4u);
}

TEST_F(SpoolTest, Acknowledge_WholeSegment_RemovesItAndKeepsTheNumbering) {
  { ASSERT_TRUE(open().append(notice("a")).ok()); }
  {
    Spool spool = open();
    ASSERT_TRUE(spool.append(notice("b")).ok());
    ASSERT_TRUE(spool.acknowledge(2).ok());
    EXPECT_TRUE(spool.unacknowledged().empty());
    EXPECT_EQ(segments().size(), 1u);
  }
  Spool spool = open();
  EXPECT_EQ(spool.next_sequence(), 3u);
}

TEST_F(SpoolTest, Acknowledge_AllThenRestartTwice_NeverReusesASequence) {
  {
    Spool spool = open();
    ASSERT_TRUE(spool.append(notice("a")).ok());
  }
  { ASSERT_TRUE(open().acknowledge(1).ok()); }
  { ASSERT_TRUE(open().acknowledge(1).ok()); }
  EXPECT_EQ(*open().append(notice("b")), 2u);
}

TEST_F(SpoolTest, Open_TruncatedAtEveryByte_KeepsExactlyTheWholeRecords) {
  std::uintmax_t first_record = 0;
  {
    Spool spool = open();
    ASSERT_TRUE(spool.append(notice("first")).ok());
    first_record = std::filesystem::file_size(segments().front());
    ASSERT_TRUE(spool.append(notice("second")).ok());
  }
  const Path segment = segments().front();
  const auto whole = disk_.read_file(segment, 1 << 20);
  for (std::size_t size = 0; size < whole->size(); ++size) {
    TemporaryFolder copy;
    std::ofstream(copy.path() / segment.filename(), std::ios::binary) << whole->substr(0, size);
    auto spool = Spool::open(disk_, copy.path());
    ASSERT_TRUE(spool.ok());
    const std::size_t expected = size >= first_record ? 1 : 0;
    EXPECT_EQ(spool->unacknowledged().size(), expected) << "cut at byte " << size;
    EXPECT_EQ(*spool->append(notice("next")), expected + 1);
  }
}

TEST_F(SpoolTest, Open_FlippedByte_StopsBeforeTheDamagedRecord) {
  {
    Spool spool = open();
    ASSERT_TRUE(spool.append(notice("first")).ok());
    ASSERT_TRUE(spool.append(notice("second")).ok());
  }
  const Path segment = segments().front();
  std::string bytes = *disk_.read_file(segment, 1 << 20);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  std::ofstream(segment, std::ios::binary) << bytes;
  EXPECT_THAT(texts(open()), ElementsAre("first"));
}

TEST_F(SpoolTest, Append_DiskFullThenFree_LosesAndRepeatsNothing) {
  {
    Spool spool = open();
    ASSERT_TRUE(spool.append(notice("a")).ok());
    disk_.full = true;
    const auto refused = spool.append(notice("b"));
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.status().code(), ErrorCode::kNoSpace);
    EXPECT_FALSE(spool.append(notice("b")).ok());
    disk_.full = false;
    EXPECT_EQ(*spool.append(notice("b")), 2u);
    EXPECT_EQ(*spool.append(notice("c")), 3u);
  }
  EXPECT_THAT(texts(open()), ElementsAre("a", "b", "c"));
}

}  // namespace
}  // namespace tagalign::agent
