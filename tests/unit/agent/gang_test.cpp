#include "worker/agent/gangs/gang.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"

namespace tagalign::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using wire::Outcome;

constexpr int kLauncher = 100;

class GangTest : public ::testing::Test {
 protected:
  GangTest() {
    for (int rank = 0; rank < 2; ++rank)
      gang_.on_hello({JobId{1}, Attempt{1}, rank, 200 + rank, "cpu"}, 0);
  }
  void farewell(int rank, int code, MonotonicMs now_ms, const std::string& reason = "") {
    gang_.on_farewell({JobId{1}, Attempt{1}, rank, code, reason, 40}, now_ms);
  }
  wire::AttemptEnded end(ExitStatus exit, MonotonicMs now_ms) {
    gang_.on_launcher_exit(exit, now_ms);
    EXPECT_TRUE(gang_.may_conclude(now_ms + kFarewellGraceMs));
    return gang_.conclude(7, now_ms);
  }

  static Gang two_ranks() {
    Gang gang({.job = JobId{1}, .attempt = Attempt{1}, .ranks = 2},
              {.share = 0, .first_rank = 0, .ranks = 2, .slots = {0, 1}}, 0);
    gang.on_launcher_started(kLauncher);
    return gang;
  }
  Gang gang_ = two_ranks();
};

TEST_F(GangTest, Exit_Zero_Succeeded) {
  farewell(0, 0, 10);
  farewell(1, 0, 10);
  const auto ended = end({}, 20);
  EXPECT_EQ(ended.outcome, Outcome::kSucceeded);
  EXPECT_EQ(ended.last_step, 40u);
  EXPECT_EQ(ended.at_ms, 7);
}

TEST_F(GangTest, Conclude_WithoutFarewells_WaitsForThoseOnTheirWay) {
  gang_.on_launcher_exit({}, 20);
  EXPECT_FALSE(gang_.may_conclude(20));
  EXPECT_TRUE(gang_.may_conclude(20 + kFarewellGraceMs));
}

TEST_F(GangTest, RankVanishes_WithoutFarewell_OthersAreKilledAfterTheGrace) {
  gang_.on_process_gone(201, 1'000);
  EXPECT_FALSE(gang_.decide(1'000 + kFarewellGraceMs - 1).kill_ranks);
  EXPECT_TRUE(gang_.decide(1'000 + kFarewellGraceMs).kill_ranks);
  EXPECT_FALSE(gang_.decide(1'000 + kFarewellGraceMs + 1).kill_ranks) << "asked for once";
  EXPECT_THAT(gang_.rank_pids(), ElementsAre(200));
  const auto ended = end({.code = 137}, 1'300);
  EXPECT_EQ(ended.outcome, Outcome::kRankKilled);
  EXPECT_EQ(ended.failed_rank, 1);
  EXPECT_EQ(ended.message, "rank 1 (pid 201) was killed by signal 9 (SIGKILL)");
}

TEST_F(GangTest, RankVanishes_LauncherStays_IsTerminatedThenKilled) {
  gang_.on_process_gone(201, 0);
  const MonotonicMs settled_ms = kFarewellGraceMs;
  EXPECT_FALSE(gang_.decide(settled_ms).terminate_launcher);
  EXPECT_TRUE(gang_.decide(settled_ms + kLauncherGraceMs).terminate_launcher);
  const auto actions = gang_.decide(settled_ms + kLauncherGraceMs + limits::kTerminateGraceMs);
  EXPECT_FALSE(actions.terminate_launcher);
  EXPECT_TRUE(actions.kill_all);
}

TEST_F(GangTest, RankVanishes_FarewellFollows_IsNoKill) {
  gang_.on_process_gone(201, 1'000);
  farewell(1, 0, 1'020);
  EXPECT_FALSE(gang_.decide(2'000).kill_ranks);
}

TEST_F(GangTest, RankKilled_OtherReportsLostPeer_CauseIsTheKill) {
  gang_.on_process_gone(201, 1'000);
  farewell(0, 1, 1'000, "peer lost");
  (void)gang_.decide(1'050);
  (void)gang_.decide(1'200);
  const auto ended = end({.code = 1}, 1'300);
  EXPECT_EQ(ended.outcome, Outcome::kRankKilled);
  EXPECT_EQ(ended.failed_rank, 1);
}

TEST_F(GangTest, RankFails_OthersKilledByMpirun_CauseIsTheFailure) {
  farewell(0, 3, 1'000, "loss is not a number");
  gang_.on_process_gone(200, 1'001);
  (void)gang_.decide(1'010);
  gang_.on_process_gone(201, 1'020);
  (void)gang_.decide(1'200);
  const auto ended = end({.code = 3}, 1'300);
  EXPECT_EQ(ended.outcome, Outcome::kFailed);
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_EQ(ended.failed_rank, 0);
  EXPECT_EQ(ended.message, "rank 0: loss is not a number");
}

TEST_F(GangTest, RankCrashes_IsTheProgramsFault) {
  gang_.on_process_gone(201, 1'000);
  const auto ended = end({.code = 128 + 11}, 1'010);
  EXPECT_EQ(ended.outcome, Outcome::kFailed);
  EXPECT_THAT(ended.message, HasSubstr("SIGSEGV"));
}

/// Field case classes-latin1: mpirun was made to end before it could tell of the SIGABRT, and the job was
/// tried seven times as if a node had died.
TEST_F(GangTest, RankThatLeavesANote_IsTheProgramsFault_AndTheLauncherNeedNotTell) {
  gang_.on_process_gone(201, 1'000, ExitStatus{.code = 0, .signal = 6});
  const GangActions first = gang_.decide(1'000 + kFarewellGraceMs);
  EXPECT_TRUE(first.kill_ranks);
  EXPECT_TRUE(gang_.decide(1'000 + kFarewellGraceMs + kLauncherGraceMs).terminate_launcher);
  gang_.on_process_gone(200, 1'200);
  const auto ended = end({.code = 1}, 1'700);
  EXPECT_EQ(ended.outcome, Outcome::kFailed);
  EXPECT_EQ(ended.failed_rank, 1);
  EXPECT_EQ(ended.exit_code, 128 + 6);
  EXPECT_THAT(ended.message,
              HasSubstr("rank 1 (pid 201) was killed by signal 6 (SIGABRT): it crashed"));
}

TEST_F(GangTest, RankThatExitsWithANote_IsTheProgramsFault) {
  gang_.on_process_gone(201, 1'000, ExitStatus{.code = 3, .signal = 0});
  (void)gang_.decide(1'000 + kFarewellGraceMs);
  const auto ended = end({.code = 1}, 1'700);
  EXPECT_EQ(ended.outcome, Outcome::kFailed);
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.message, HasSubstr("ended with exit code 3 without saying why"));
}

TEST_F(GangTest, RankExitsWithoutFarewell_IsTheProgramsFault) {
  gang_.on_process_gone(201, 1'000);
  const auto ended = end({.code = 3}, 1'010);
  EXPECT_EQ(ended.outcome, Outcome::kFailed);
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_EQ(ended.failed_rank, 1);
}

TEST_F(GangTest, AllLeave_WithRequeueCode_SavedAndLeft) {
  farewell(0, 75, 1'000);
  gang_.on_process_gone(200, 1'001);
  gang_.on_process_gone(201, 1'002);  // mpirun ends the others when the first leaves with a code
  const auto ended = end({.code = 75}, 1'010);
  EXPECT_EQ(ended.outcome, Outcome::kSavedAndLeft);
  EXPECT_EQ(ended.exit_code, 75);
}

TEST_F(GangTest, OneLeaves_OthersKilledByMpirun_SavedAndLeft) {
  farewell(0, 75, 1'000);
  gang_.on_process_gone(201, 1'002);
  (void)gang_.decide(1'002 + kFarewellGraceMs);
  EXPECT_EQ(end({.code = 75}, 1'200).outcome, Outcome::kSavedAndLeft);
}

TEST_F(GangTest, RankKilled_LauncherTerminatedByUs_ItsOwnCodeIsNoFailure) {
  gang_.on_process_gone(201, 0);
  (void)gang_.decide(kFarewellGraceMs);
  ASSERT_TRUE(gang_.decide(kFarewellGraceMs + kLauncherGraceMs).terminate_launcher);
  const auto ended = end({.code = 1}, 2'000);
  EXPECT_EQ(ended.outcome, Outcome::kRankKilled);
  EXPECT_EQ(ended.failed_rank, 1);
}

TEST_F(GangTest, KillRequest_RanksVanish_IsReportedAsRequested) {
  gang_.on_kill_request("cancelled by user", 1'000);
  EXPECT_TRUE(gang_.decide(1'000).terminate_launcher);
  gang_.on_process_gone(201, 1'010);
  const auto ended = end({.code = 143}, 1'200);
  EXPECT_EQ(ended.outcome, Outcome::kKilledOnRequest);
  EXPECT_THAT(ended.message, HasSubstr("cancelled by user"));
}

TEST_F(GangTest, KillRequest_GangHadFinished_Succeeded) {
  farewell(0, 0, 990);
  farewell(1, 0, 990);
  gang_.on_kill_request("cancelled by user", 1'000);
  EXPECT_EQ(end({}, 1'001).outcome, Outcome::kSucceeded);
}

TEST_F(GangTest, SilentRank_TooLong_IsTakenForWedged) {
  gang_.on_beat({JobId{1}, Attempt{1}, 0, 5, 10, ""}, 60'000);
  EXPECT_FALSE(gang_.decide(limits::kRankSilentAfterMs - 1).kill_ranks);
  const GangActions first = gang_.decide(limits::kRankSilentAfterMs);
  EXPECT_TRUE(first.show_stacks);
  EXPECT_FALSE(first.kill_ranks) << "they write their stacks down";
  const GangActions then = gang_.decide(limits::kRankSilentAfterMs + limits::kStacksMs);
  EXPECT_TRUE(then.kill_ranks);
  EXPECT_FALSE(then.show_stacks) << "asked for once";
  const auto ended = end({.code = 137}, limits::kRankSilentAfterMs + limits::kStacksMs + 10);
  EXPECT_EQ(ended.outcome, Outcome::kHung);
  EXPECT_EQ(ended.failed_rank, 1);
  EXPECT_THAT(ended.message, HasSubstr("silent for 30.0 s"));
  EXPECT_THAT(ended.message, HasSubstr("rank-1.stacks"));
}

TEST_F(GangTest, RankWithoutStacks_LivesUntilADebuggerHasLooked) {
  const MonotonicMs asked_ms = limits::kRankSilentAfterMs;
  EXPECT_TRUE(gang_.decide(asked_ms).show_stacks);
  EXPECT_FALSE(gang_.stacks_are_due(asked_ms + limits::kStacksMs - 1));
  EXPECT_TRUE(gang_.stacks_are_due(asked_ms + limits::kStacksMs));
  EXPECT_FALSE(gang_.stacks_are_due(asked_ms + limits::kStacksMs)) << "asked for once";
  gang_.wait_for_debugger();
  EXPECT_FALSE(gang_.decide(asked_ms + limits::kStacksMs + kDebuggerMs - 1).kill_ranks);
  EXPECT_TRUE(gang_.decide(asked_ms + limits::kStacksMs + kDebuggerMs).kill_ranks);
}

TEST_F(GangTest, RankThatLeft_IsNotSilentWhileOthersWork) {
  farewell(1, 0, 10);
  gang_.on_beat({JobId{1}, Attempt{1}, 0, 5, 10, ""}, limits::kRankSilentAfterMs);
  EXPECT_FALSE(gang_.decide(limits::kRankSilentAfterMs + 10).kill_ranks);
  EXPECT_TRUE(gang_.decide(2 * limits::kRankSilentAfterMs).show_stacks);
  EXPECT_EQ(end({.code = 137}, 2 * limits::kRankSilentAfterMs + 10).failed_rank, 0);
}

TEST_F(GangTest, AllRanksLeft_LauncherStays_IsEnded) {
  farewell(0, 0, 10);
  farewell(1, 0, 10);
  EXPECT_FALSE(gang_.decide(limits::kRankSilentAfterMs).kill_ranks);
  EXPECT_TRUE(gang_.decide(limits::kRankSilentAfterMs + 10).kill_ranks);
}

TEST_F(GangTest, LauncherKilled_IsInfrastructure) {
  const auto ended = end({.signal = 9}, 10);
  EXPECT_EQ(ended.outcome, Outcome::kRankKilled);
  EXPECT_THAT(ended.message, HasSubstr("mpirun (pid 100) was killed by signal 9"));
}

TEST_F(GangTest, LauncherFails_WithoutAnyWord_PointsToItsLog) {
  const auto ended = end({.code = 2}, 10);
  EXPECT_EQ(ended.outcome, Outcome::kFailed);
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.message, HasSubstr("launcher.log"));
}

}  // namespace
}  // namespace tagalign::agent
