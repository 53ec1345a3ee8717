#include "worker/agent/journal/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/fault_file_system.h"
#include "tests/unit/agent/broken_disk.h"
#include "tests/unit/agent/temporary_folder.h"

namespace tagalign::agent {
namespace {

using tagalign::testing::BrokenDisk;
using tagalign::testing::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing_support::FaultFileSystem;
using wire::AgentEvent;
using wire::AttemptEnded;
using wire::RankNotice;

AttemptKey key(std::uint64_t job, std::uint32_t attempt) {
  return {JobId{job}, Attempt{attempt}};
}

AgentEvent notice(const std::string& text) {
  return RankNotice{JobId{1}, Attempt{1}, 0, text};
}

JournalBatch accepting(const AttemptKey& attempt) {
  return {.accepted = {attempt}, .events = {}};
}
JournalBatch keeping(std::vector<AgentEvent> events) {
  return {.accepted = {}, .events = std::move(events)};
}
JournalBatch ending(const AttemptKey& attempt) {
  return keeping({AttemptEnded{.job = attempt.first, .attempt = attempt.second}});
}

std::vector<std::string> texts(const Journal& journal) {
  std::vector<std::string> texts;
  for (const auto& sequenced : journal.unacknowledged())
    texts.push_back(std::get<RankNotice>(sequenced.event).text);
  return texts;
}

class JournalTest : public ::testing::Test {
 protected:
  Journal open(std::uint64_t rewrite_bytes_min = Journal::kRewriteBytesMin) {
    auto journal = Journal::open(disk_, path_, rewrite_bytes_min);
    EXPECT_TRUE(journal.ok()) << journal.status().to_string();
    return std::move(journal).value();
  }
  std::string bytes() { return disk_.read_file(path_, 1 << 30).value(); }
  void overwrite(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }

  TemporaryFolder folder_;
  BrokenDisk disk_;
  Path path_ = folder_.path() / "journal";
};

TEST_F(JournalTest, Accept_AfterRestart_IsRememberedWithOlderAttempts) {
  ASSERT_TRUE(open().commit(accepting(key(7, 3))).ok());
  const Journal journal = open();
  EXPECT_TRUE(journal.has_accepted(key(7, 3)));
  EXPECT_TRUE(journal.has_accepted(key(7, 1)));
  EXPECT_FALSE(journal.has_accepted(key(7, 4)));
  EXPECT_FALSE(journal.has_accepted(key(8, 1)));
}

TEST_F(JournalTest, Started_WithTheNextBatch_NamesTheLauncherAfterRestart) {
  {
    Journal journal = open();
    ASSERT_TRUE(journal.commit(accepting(key(7, 1))).ok());
    journal.note_started(key(7, 1), {4242, 99});
    ASSERT_TRUE(journal.commit(keeping({notice("a")})).ok());
  }
  const Journal journal = open();
  ASSERT_EQ(journal.open_attempts().size(), 1u);
  EXPECT_EQ(journal.open_attempts().at(key(7, 1)).pid, 4242);
  EXPECT_EQ(journal.open_attempts().at(key(7, 1)).start_ticks, 99u);
}

TEST_F(JournalTest, End_AfterRestart_IsNotOpenButStillAccepted) {
  {
    Journal journal = open();
    ASSERT_TRUE(journal.commit(accepting(key(7, 1))).ok());
    EXPECT_EQ(journal.open_attempts().size(), 1u);
    ASSERT_TRUE(journal.commit(ending(key(7, 1))).ok());
    EXPECT_TRUE(journal.open_attempts().empty());
  }
  EXPECT_TRUE(open().open_attempts().empty());
  EXPECT_TRUE(open().has_accepted(key(7, 1)));
  EXPECT_EQ(open().unacknowledged().size(), 1u);
}

TEST_F(JournalTest, Events_AfterRestart_AreThereInOrderWithTheirNumbers) {
  {
    Journal journal = open();
    ASSERT_TRUE(journal.commit(keeping({notice("a"), notice("b")})).ok());
    ASSERT_TRUE(journal.commit(keeping({notice("c")})).ok());
  }
  Journal journal = open();
  EXPECT_THAT(texts(journal), ElementsAre("a", "b", "c"));
  EXPECT_EQ(journal.unacknowledged().front().sequence, 1u);
  EXPECT_EQ(journal.next_sequence(), 4u);
}

TEST_F(JournalTest, Acknowledge_AllThenRestartTwice_NeverReusesASequence) {
  for (int life = 0; life < 2; ++life) {
    Journal journal = open();
    ASSERT_TRUE(journal.commit(keeping({notice("a"), notice("b")})).ok());
    journal.acknowledge(journal.next_sequence() - 1);
    EXPECT_TRUE(journal.unacknowledged().empty());
    ASSERT_TRUE(journal.commit(accepting(key(7, static_cast<std::uint32_t>(life) + 1))).ok());
  }
  EXPECT_EQ(open().next_sequence(), 5u);
  EXPECT_TRUE(open().unacknowledged().empty());
}

TEST_F(JournalTest, Acknowledge_ANumberNeverGiven_LeavesNoGap) {
  Journal journal = open();
  ASSERT_TRUE(journal.commit(keeping({notice("a")})).ok());
  journal.acknowledge(1'000);
  EXPECT_TRUE(journal.unacknowledged().empty());
  EXPECT_EQ(journal.next_sequence(), 2u);
}

TEST_F(JournalTest, Commit_DiskFullThenFree_LosesAndRepeatsNothing) {
  {
    Journal journal = open();
    ASSERT_TRUE(journal.commit(keeping({notice("a")})).ok());
    disk_.full = true;
    const Status refused = journal.commit({.accepted = {key(7, 1)}, .events = {notice("not yet")}});
    EXPECT_EQ(refused.code(), ErrorCode::kNoSpace);
    EXPECT_FALSE(journal.has_accepted(key(7, 1)));
    EXPECT_TRUE(journal.open_attempts().empty());
    EXPECT_FALSE(journal.commit(keeping({notice("b")})).ok());
    disk_.full = false;
    ASSERT_TRUE(journal.commit(keeping({notice("b")})).ok());
    ASSERT_TRUE(journal.commit(keeping({notice("c")})).ok());
  }
  EXPECT_THAT(texts(open()), ElementsAre("a", "b", "c"));
  EXPECT_FALSE(open().has_accepted(key(7, 1)));
}

TEST_F(JournalTest, Open_TruncatedAtEveryByte_KeepsExactlyTheWholeFrames) {
  std::size_t first_commit = 0;
  {
    Journal journal = open();
    ASSERT_TRUE(journal.commit(keeping({notice("first")})).ok());
    first_commit = bytes().size();
    ASSERT_TRUE(journal.commit(keeping({notice("second"), notice("third")})).ok());
  }
  const std::string whole = bytes();
  for (std::size_t size = first_commit; size < whole.size(); ++size) {
    overwrite(whole.substr(0, size));
    Journal journal = open();
    EXPECT_THAT(texts(journal), ElementsAre("first")) << "cut at byte " << size;
    ASSERT_TRUE(journal.commit(keeping({notice("next")})).ok());
    EXPECT_THAT(texts(open()), ElementsAre("first", "next")) << "cut at byte " << size;
  }
}

TEST_F(JournalTest, Open_AnyByteFlippedBeforeTheLastFrame_IsRefusedWithNextStep) {
  std::size_t last_frame = 0;
  {
    Journal journal = open();
    ASSERT_TRUE(journal.commit(accepting(key(7, 1))).ok());
    ASSERT_TRUE(journal.commit(accepting(key(8, 1))).ok());
    last_frame = bytes().size();
    ASSERT_TRUE(journal.commit(accepting(key(9, 1))).ok());
  }
  const std::string whole = bytes();
  for (std::size_t at = 0; at < last_frame; ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    overwrite(damaged);
    const auto journal = Journal::open(disk_, path_);
    ASSERT_FALSE(journal.ok()) << "byte " << at;
    EXPECT_THAT(journal.status().message(), HasSubstr("another --id"));
  }
}

TEST_F(JournalTest, Open_FlippedByteInTheLastFrame_CutsThatFrame) {
  {
    Journal journal = open();
    ASSERT_TRUE(journal.commit(keeping({notice("first")})).ok());
    ASSERT_TRUE(journal.commit(keeping({notice("second")})).ok());
  }
  std::string damaged = bytes();
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  overwrite(damaged);
  EXPECT_THAT(texts(open()), ElementsAre("first"));
}

TEST_F(JournalTest, RoomTakenAhead_HoldsTheNextFramesAndIsReadAsNothing) {
  FileSystem& disk = posix_file_system();
  std::size_t size = 0;
  {
    Journal journal = Journal::open(disk, path_).value();
    ASSERT_TRUE(journal.commit(keeping({notice("first")})).ok());
    size = bytes().size();
    EXPECT_GE(size, Journal::kRewriteBytesMin);
    ASSERT_TRUE(journal.commit(keeping({notice("second")})).ok());
  }
  EXPECT_EQ(bytes().size(), size) << "a sync of a longer file is a slow one";
  EXPECT_THAT(texts(open()), ElementsAre("first", "second"));
  EXPECT_EQ(unpack_journal(bytes())->torn_bytes, 0u);
  std::string torn = bytes();
  torn[torn.find("second") + 3] = '\0';  // and what would follow it was not written either
  overwrite(torn);
  EXPECT_THAT(texts(open()), ElementsAre("first"));
  EXPECT_GT(unpack_journal(bytes())->torn_bytes, 0u);
}

TEST_F(JournalTest, Open_OtherVersion_IsUnsupported) {
  overwrite("TAJ9 and whatever follows");
  const auto journal = Journal::open(disk_, path_);
  ASSERT_FALSE(journal.ok());
  EXPECT_EQ(journal.status().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(journal.status().message(), HasSubstr("expected format TAJ2, found TAJ9"));
}

TEST_F(JournalTest, Commit_OfManyAttempts_IsRewrittenSmallAndForgetsNothing) {
  constexpr std::uint64_t kJobs = 500;
  std::size_t largest = 0;
  {
    Journal journal = open(2'000);
    for (std::uint64_t job = 1; job <= kJobs; ++job) {
      ASSERT_TRUE(journal.commit(accepting(key(job, 1))).ok());
      ASSERT_TRUE(journal.commit(ending(key(job, 1))).ok());
      journal.acknowledge(job);
      largest = std::max(largest, bytes().size());
    }
    ASSERT_TRUE(journal.commit(accepting(key(1, 2))).ok());
  }
  // 17 bytes for a job that is over, twice, and what a rewrite waits for.
  EXPECT_LT(largest, 2 * 17 * kJobs + 4'000);
  const Journal journal = open();
  for (std::uint64_t job = 1; job <= kJobs; ++job) EXPECT_TRUE(journal.has_accepted(key(job, 1)));
  EXPECT_EQ(journal.open_attempts().size(), 1u);
  EXPECT_EQ(journal.next_sequence(), kJobs + 1);
}

TEST_F(JournalTest, Commit_OfAWholeRound_IsOneAppendAndOneSync) {
  FaultFileSystem counted(disk_);
  Journal journal = Journal::open(counted, path_).value();
  ASSERT_TRUE(journal.commit(accepting(key(1, 1))).ok());
  const std::uint64_t before = counted.operations();
  ASSERT_TRUE(journal
                  .commit({.accepted = {key(2, 1), key(3, 1), key(4, 1)},
                           .events = {notice("a"), notice("b"), notice("c")}})
                  .ok());
  EXPECT_EQ(counted.operations() - before, 2u);
}

TEST_F(JournalTest, Crash_AfterEveryOperation_KeepsWhatWasCommittedAndWholeBatches) {
  bool crashed = true;
  for (std::uint64_t operations = 0; crashed; ++operations) {
    TemporaryFolder folder;
    const Path path = folder.path() / "journal";
    FaultFileSystem faulty(disk_);
    faulty.crash_after(operations);
    std::uint64_t committed = 0;
    {
      Journal journal = Journal::open(faulty, path, 100).value();
      while (committed < 12) {
        const std::uint64_t job = committed + 1;
        const JournalBatch batch{.accepted = {key(job, 1)}, .events = {notice("a"), notice("b")}};
        if (!journal.commit(batch).ok()) break;
        committed = job;
        journal.acknowledge(job);
      }
    }
    crashed = faulty.crashed();
    const auto after = Journal::open(disk_, path);
    ASSERT_TRUE(after.ok()) << operations << ": " << after.status().to_string();
    const std::size_t kept = after->open_attempts().size();
    EXPECT_GE(kept, committed) << "crash after " << operations;
    EXPECT_LE(kept, committed + 1) << "crash after " << operations;
    EXPECT_EQ(after->next_sequence(), 2 * kept + 1) << "half a batch, crash after " << operations;
  }
}

}  // namespace
}  // namespace tagalign::agent
