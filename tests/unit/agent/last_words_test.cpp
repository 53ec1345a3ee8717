// Why an attempt ended where no rank said so: the log's last lines, and what is full.
#include "worker/agent/gangs/last_words.h"

#include <gmock/gmock.h>

#include <fstream>

#include "base/exit_codes.h"
#include "base/utf8.h"
#include "tests/unit/agent/agent_fixture.h"
#include "tests/unit/agent/broken_disk.h"

namespace tagalign::agent {
namespace {

using tagalign::testing::BrokenDisk;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(LastLines, OfMpirun_AreItsWordsWithoutTheFrame) {
  EXPECT_EQ(last_lines("--------------\nmpirun does not support recursive calls\n--------------\n"),
            "mpirun does not support recursive calls");
  EXPECT_EQ(last_lines("one\r\n\n  \ntwo"), "one | two");
  EXPECT_EQ(last_lines("\n----\n"), "");
  EXPECT_EQ(last_lines(""), "");
}

TEST(LastLines, OfALongLog_AreTheLastAndFew) {
  std::string log;
  for (int line = 0; line < 1'000; ++line) log += "line " + std::to_string(line) + "\n";
  EXPECT_THAT(last_lines(log), AllOf(StartsWith("…"), EndsWith("line 998 | line 999")));
  EXPECT_LT(last_lines(log).size(), 700u);
  EXPECT_LT(last_lines(std::string(100'000, 'x')).size(), 700u);
}

TEST(LastLines, WithControlBytes_ObeyNoTerminal) {
  EXPECT_EQ(last_lines("a\x1b[2Jb\tc\xff\n"), "a\\x1b[2Jb c\\xff");
  EXPECT_EQ(last_lines("caf\xc3\xa9 \xe2\x80\xaeturned\n"), "caf\xc3\xa9 \\xe2\\x80\\xaeturned");
  std::string accents;
  for (int i = 0; i < 1'001; ++i) accents += "\xc3\xa9";
  EXPECT_EQ(find_non_utf8(last_lines("x" + accents)), std::nullopt);
}

class LastWordsTest : public AgentFixture {
 protected:
  std::string log_folder() const { return (folder_->path() / "work/logs/job1/attempt-1").string(); }

  /// Job 1 is launched, and ends with what its launcher wrote.
  wire::AttemptEnded launch_and_fail(const std::string& log, int code) {
    coordinator_->order(launch(1));
    step();
    std::ofstream(log_folder() + "/launcher.log") << log;
    processes_.end(processes_.newest_pid, {.code = code, .signal = 0});
    for (int second = 0; second < 10 && events_of<wire::AttemptEnded>().empty(); ++second) {
      clock_.advance_ms(1'000);
      step();
    }
    return events_of<wire::AttemptEnded>().at(0);
  }
};

/// Field case mpi-started-inside-mpirun: the cause stood in a log that nothing named.
TEST_F(LastWordsTest, LauncherThatFails_IsQuotedInTheReason) {
  ASSERT_TRUE(begin_life().ok());
  const auto ended = launch_and_fail("----\nmpirun does not support recursive calls\n----\n", 1);
  EXPECT_EQ(ended.outcome, wire::Outcome::kFailed);
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_EQ(ended.message,
            "mpirun ended with exit code 1; see " + log_folder() +
                "/launcher.log, which ends: mpirun does not support recursive calls");
}

TEST_F(LastWordsTest, LauncherThatSaysNothing_NamesItsEmptyLog) {
  ASSERT_TRUE(begin_life().ok());
  EXPECT_THAT(launch_and_fail("", 1).message, EndsWith("/launcher.log, which is empty"));
}

TEST_F(LastWordsTest, LauncherThatFailsOnAFullDisk_IsNotTheProgramsFault) {
  BrokenDisk disk;
  disk.below = (folder_->path() / "work").string();
  ASSERT_TRUE(begin_life(disk).ok());
  coordinator_->order(launch(1));
  step();
  disk.full = true;
  const auto ended = launch_and_fail("mkdir failed\n", 1);
  EXPECT_EQ(ended.exit_code, to_int(ExitCode::kPlaceFailed));
  EXPECT_THAT(ended.message, HasSubstr("the disk of " + disk.below + " is full (0 bytes free)"));
}

/// Field case disk-full-ends-job, where the disk is full before anything runs.
TEST_F(LastWordsTest, LaunchIntoAFullWorkspace_IsNotTheProgramsFault) {
  BrokenDisk disk;
  disk.full = true;
  disk.below = (folder_->path() / "work").string();
  ASSERT_TRUE(begin_life(disk).ok());
  coordinator_->order(launch(1));
  step();
  const auto ended = events_of<wire::AttemptEnded>();
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_EQ(ended[0].outcome, wire::Outcome::kLaunchFailed);
  EXPECT_EQ(ended[0].exit_code, to_int(ExitCode::kPlaceFailed));
}

TEST_F(LastWordsTest, LaunchWhereAFileIsInTheWay_StaysTheUsersMatter) {
  ASSERT_TRUE(begin_life().ok());
  std::ofstream(folder_->path() / "work") << "a file where a folder should be";
  coordinator_->order(launch(1));
  step();
  const auto ended = events_of<wire::AttemptEnded>();
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_EQ(ended[0].outcome, wire::Outcome::kLaunchFailed);
  EXPECT_EQ(ended[0].exit_code, 0);
  EXPECT_THAT(ended[0].message, Not(HasSubstr("full")));
}

}  // namespace
}  // namespace tagalign::agent
