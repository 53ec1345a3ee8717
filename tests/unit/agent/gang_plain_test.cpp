// One process without MPI as its agent judges it: by its exit alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "base/limits.h"
#include "worker/agent/gangs/gang.h"

namespace tagalign::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using wire::Outcome;

constexpr int kPid = 300;

class PlainProcess : public ::testing::Test {
 protected:
  PlainProcess() { gang_.on_launcher_started(kPid); }
  wire::AttemptEnded end(ExitStatus exit) {
    gang_.on_launcher_exit(exit, 20);
    EXPECT_TRUE(gang_.may_conclude(20)) << "there is no farewell to wait for";
    return gang_.conclude(7, 20);
  }

  Gang gang_{{.job = JobId{1}, .attempt = Attempt{1}, .job_name = "j", .workspace = "/w"},
             {.share = 0, .first_rank = 0, .ranks = 0, .slots = {0}, .is_plain = true},
             0};
};

TEST_F(PlainProcess, Silent_IsNeverTakenForWedged) {
  const GangActions actions = gang_.decide(100 * limits::kRankSilentAfterMs);
  EXPECT_FALSE(actions.kill_ranks || actions.terminate_launcher || actions.kill_all);
}

TEST_F(PlainProcess, Process_IsShownAsRankZero) {
  ASSERT_THAT(gang_.hellos(), SizeIs(1));
  EXPECT_EQ(gang_.hellos()[0].pid, kPid);
  EXPECT_THAT(gang_.rank_pids(), ElementsAre(kPid));
}

TEST_F(PlainProcess, ExitZero_Succeeded) {
  gang_.on_process_gone(kPid, 15);
  EXPECT_FALSE(gang_.decide(16 + kFarewellGraceMs).kill_ranks);
  EXPECT_EQ(end({}).outcome, Outcome::kSucceeded);
}

TEST_F(PlainProcess, ExitSeventyFive_SavedAndLeft) {
  EXPECT_EQ(end({.code = 75}).outcome, Outcome::kSavedAndLeft);
}

TEST_F(PlainProcess, ExitNinetyThree_FailsWithItsCode) {
  const auto ended = end({.code = 93});
  EXPECT_EQ(ended.outcome, Outcome::kFailed);
  EXPECT_EQ(ended.exit_code, 93);
  EXPECT_EQ(ended.message,
            "process 300 ended with exit code 93; see /w/logs/j/attempt-1/rank-0.log");
}

TEST_F(PlainProcess, Killed_IsInfrastructure) {
  const auto ended = end({.signal = SIGKILL});
  EXPECT_EQ(ended.outcome, Outcome::kRankKilled);
  EXPECT_EQ(ended.message, "process 300 was killed by signal 9 (SIGKILL)");
}

TEST_F(PlainProcess, KilledBelowAShell_IsInfrastructureToo) {
  EXPECT_EQ(end({.code = 137}).outcome, Outcome::kRankKilled);
}

TEST_F(PlainProcess, Crash_IsTheProgramsFault) {
  const auto ended = end({.signal = SIGSEGV});
  EXPECT_EQ(ended.outcome, Outcome::kFailed);
  EXPECT_EQ(ended.exit_code, 139);
  EXPECT_THAT(ended.message, HasSubstr("(SIGSEGV): it crashed; see "));
}

TEST_F(PlainProcess, SigtermAfterARequest_IsNoFailure) {
  gang_.on_leave_request();
  const auto ended = end({.signal = SIGTERM});
  EXPECT_EQ(ended.outcome, Outcome::kKilledOnRequest);
  EXPECT_THAT(ended.message, HasSubstr("as it was asked to leave"));
}

TEST_F(PlainProcess, SigtermWithoutARequest_IsInfrastructure) {
  EXPECT_EQ(end({.signal = SIGTERM}).outcome, Outcome::kRankKilled);
}

TEST_F(PlainProcess, KillRequest_IsTheCauseOfWhateverFollows) {
  gang_.on_kill_request("cancelled", 10);
  const GangActions actions = gang_.decide(10);
  EXPECT_TRUE(actions.terminate_launcher);
  EXPECT_TRUE(gang_.decide(10 + limits::kTerminateGraceMs).kill_all);
  const auto ended = end({.signal = SIGKILL});
  EXPECT_EQ(ended.outcome, Outcome::kKilledOnRequest);
  EXPECT_EQ(ended.message, "killed on request: cancelled");
}

TEST_F(PlainProcess, LastStep_IsThatOfReportOrCheckpoint) {
  gang_.on_beat({JobId{1}, Attempt{1}, 0, 5, 9, "a"}, 10);
  gang_.on_checkpoint(4);
  EXPECT_EQ(gang_.beats().front().activity, "a");
  gang_.on_checkpoint(6);
  EXPECT_EQ(end({.code = 1}).last_step, 6u);
}

}  // namespace
}  // namespace tagalign::agent
