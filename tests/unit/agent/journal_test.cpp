#include "worker/agent/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/agent/broken_disk.h"
#include "tests/unit/agent/temporary_folder.h"

namespace tagalign::agent {
namespace {

using tagalign::testing::BrokenDisk;
using tagalign::testing::TemporaryFolder;
using ::testing::HasSubstr;

AttemptKey key(std::uint64_t job, std::uint32_t attempt) {
  return {JobId{job}, Attempt{attempt}};
}

class JournalTest : public ::testing::Test {
 protected:
  Journal open() {
    auto journal = Journal::open(disk_, path_);
    EXPECT_TRUE(journal.ok()) << journal.status().to_string();
    return std::move(journal).value();
  }

  TemporaryFolder folder_;
  BrokenDisk disk_;
  Path path_ = folder_.path() / "journal";
};

TEST_F(JournalTest, Accept_AfterRestart_IsRememberedWithOlderAttempts) {
  ASSERT_TRUE(open().accept(key(7, 3)).ok());
  const Journal journal = open();
  EXPECT_TRUE(journal.has_accepted(key(7, 3)));
  EXPECT_TRUE(journal.has_accepted(key(7, 1)));
  EXPECT_FALSE(journal.has_accepted(key(7, 4)));
  EXPECT_FALSE(journal.has_accepted(key(8, 1)));
}

TEST_F(JournalTest, Started_AfterRestart_NamesTheLauncher) {
  {
    Journal journal = open();
    ASSERT_TRUE(journal.accept(key(7, 1)).ok());
    ASSERT_TRUE(journal.started(key(7, 1), {4242, 99}).ok());
  }
  const Journal journal = open();
  ASSERT_EQ(journal.open_attempts().size(), 1u);
  EXPECT_EQ(journal.open_attempts().at(key(7, 1)).pid, 4242);
  EXPECT_EQ(journal.open_attempts().at(key(7, 1)).start_ticks, 99u);
}

TEST_F(JournalTest, Close_AfterRestart_IsNotOpenButStillAccepted) {
  {
    Journal journal = open();
    ASSERT_TRUE(journal.accept(key(7, 1)).ok());
    ASSERT_TRUE(journal.close(key(7, 1)).ok());
  }
  EXPECT_TRUE(open().open_attempts().empty());
  EXPECT_TRUE(open().has_accepted(key(7, 1)));
}

TEST_F(JournalTest, Accept_DiskFull_LeavesTheAttemptUnaccepted) {
  Journal journal = open();
  disk_.full = true;
  EXPECT_EQ(journal.accept(key(7, 1)).code(), ErrorCode::kNoSpace);
  EXPECT_FALSE(journal.has_accepted(key(7, 1)));
  EXPECT_TRUE(journal.open_attempts().empty());
}

TEST_F(JournalTest, Open_Damaged_IsRefusedWithNextStep) {
  ASSERT_TRUE(open().accept(key(7, 1)).ok());
  std::string text = *disk_.read_file(path_, 1 << 20);
  text[text.find("newest 7") + 7] = '8';
  std::ofstream(path_, std::ios::binary) << text;
  const auto journal = Journal::open(disk_, path_);
  ASSERT_FALSE(journal.ok());
  EXPECT_EQ(journal.status().code(), ErrorCode::kDataLoss);
  EXPECT_THAT(journal.status().message(), HasSubstr("another --id"));
}

}  // namespace
}  // namespace tagalign::agent
