// Gangs over hosts that really differ, and everything that can happen to a part of them: the whole
// ends, within its time, before the next attempt begins.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "base/clock.h"
#include "base/limits.h"
#include "tests/lab/gang_hosts.h"

namespace tagalign {
namespace {

using lab::GangHosts;
using lab::GangProcess;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kDeathMsMax = 1'000;
constexpr std::int64_t kSilenceMsMax = 10'000;

class GangFaultTest : public GangHosts {
 protected:
  /// Four ranks on h2 (the head) and h3; their attempt.
  std::uint32_t start_gang() {
    start(3);
    submit_endless(4);
    return wait_for_ranks(4);
  }
  /// Kills what `victim` names: all of the attempt ends in time, and the next one runs.
  void expect_whole_end(pid_t victim, std::uint32_t attempt) {
    ASSERT_EQ(::kill(victim, SIGKILL), 0);
    wait_until_gone(attempt, kDeathMsMax);
    EXPECT_GT(wait_for_ranks(4, attempt + 1), attempt);
  }
  pid_t program(const std::string& name) {
    return process([&](const GangProcess& one) { return one.program == name; });
  }
};

TEST_F(GangFaultTest, Gang_OnTwoHosts_RunsAndLeavesWell) {
  start_gang();
  EXPECT_THAT(tagalign({"job", "cancel", "1"}), Not(HasSubstr("error")));
  EXPECT_TRUE(eventually(
      [&] {
        return tagalign({"job", "show", "1"}).find("state:        cancelled") != std::string::npos;
      },
      10'000));
  for (const GangProcess& left : processes()) ADD_FAILURE() << left.program << " is left";
  EXPECT_THAT(tagalign({"job", "show", "1"}), HasSubstr("saved and left"));
}

TEST_F(GangFaultTest, RankOfAMember_Killed_EndsAll) {
  const std::uint32_t attempt = start_gang();
  expect_whole_end(rank(3), attempt);
  EXPECT_THAT(tagalign({"job", "show", "1"}), HasSubstr("rank 3"));
}

TEST_F(GangFaultTest, RankOfTheHead_Killed_EndsAll) {
  const std::uint32_t attempt = start_gang();
  expect_whole_end(rank(0), attempt);
  EXPECT_THAT(tagalign({"job", "show", "1"}), HasSubstr("rank 0"));
}

TEST_F(GangFaultTest, Daemon_Killed_EndsAll) {
  const std::uint32_t attempt = start_gang();
  expect_whole_end(program("orted"), attempt);
}

TEST_F(GangFaultTest, Launcher_Killed_EndsAll) {
  const std::uint32_t attempt = start_gang();
  expect_whole_end(program("mpirun"), attempt);
}

TEST_F(GangFaultTest, AgentOfAMember_Killed_EndsAll) {
  const std::uint32_t attempt = start_gang();
  ASSERT_EQ(::kill(agent_process(3), SIGKILL), 0);
  wait_until_gone(attempt, kDeathMsMax);
  start_agent(3);
  wait_for_ranks(4, attempt + 1);
}

TEST_F(GangFaultTest, AgentOfTheHead_Killed_EndsAll) {
  const std::uint32_t attempt = start_gang();
  ASSERT_EQ(::kill(agent_process(2), SIGKILL), 0);
  wait_until_gone(attempt, kDeathMsMax);
  start_agent(2);
  wait_for_ranks(4, attempt + 1);
}

TEST_F(GangFaultTest, AgentOfAMember_Stopped_EndsAllBeforeTheNext) {
  const std::uint32_t attempt = start_gang();
  stop_agent(3);
  wait_until_gone(attempt, kSilenceMsMax);
  continue_agent(3);
  wait_for_ranks(4, attempt + 1);
}

TEST_F(GangFaultTest, AgentOfTheHead_Stopped_EndsAllBeforeTheNext) {
  const std::uint32_t attempt = start_gang();
  stop_agent(2);
  wait_until_gone(attempt, kSilenceMsMax);
  continue_agent(2);
  wait_for_ranks(4, attempt + 1);
}

TEST_F(GangFaultTest, Member_CutOff_EndsAllAndComesBack) {
  const std::uint32_t attempt = start_gang();
  ASSERT_TRUE(network().cut(3).ok());
  wait_until_gone(attempt, kSilenceMsMax);
  ASSERT_TRUE(network().heal(3).ok());
  wait_for_ranks(4, attempt + 1);
}

TEST_F(GangFaultTest, Head_CutOff_EndsAllAndComesBack) {
  const std::uint32_t attempt = start_gang();
  ASSERT_TRUE(network().cut(2).ok());
  wait_until_gone(attempt, kSilenceMsMax);
  ASSERT_TRUE(network().heal(2).ok());
  wait_for_ranks(4, attempt + 1);
}

TEST_F(GangFaultTest, MemberAndHead_CutFromEachOther_EndsAll) {
  const std::uint32_t attempt = start_gang();
  ASSERT_TRUE(network().cut_between(2, 3).ok());
  wait_until_gone(attempt, kSilenceMsMax);
  ASSERT_TRUE(network().heal_between(2, 3).ok());
  wait_for_ranks(4, attempt + 1);
}

TEST_F(GangFaultTest, MemberCutFromTheCoordinatorAlone_EndsAll) {
  const std::uint32_t attempt = start_gang();
  ASSERT_TRUE(network().cut_between(1, 3).ok());
  wait_until_gone(attempt, kSilenceMsMax);
  ASSERT_TRUE(network().heal_between(1, 3).ok());
  wait_for_ranks(4, attempt + 1);
}

TEST_F(GangFaultTest, Host_PoweredOff_TheGangGoesOnElsewhere) {
  start(4);
  submit_endless(4);
  const std::uint32_t attempt = wait_for_ranks(4);
  network().kill_host(3);
  wait_until_gone(attempt, kSilenceMsMax);
  wait_for_ranks(4, attempt + 1);
  EXPECT_THAT(tagalign({"job", "show", "1"}), HasSubstr("h4"));
}

TEST_F(GangFaultTest, Coordinator_ComesBackOnAnotherPort_TheGangRunsOn) {
  const std::uint32_t attempt = start_gang();
  kill_coordinator();
  start_coordinator();
  EXPECT_TRUE(
      eventually([&] { return tagalign({"jobs"}).find("running") != std::string::npos; }, 20'000));
  system_clock().sleep_ms(2'000);
  EXPECT_EQ(wait_for_ranks(4), attempt);
}

TEST_F(GangFaultTest, LossAndDelay_AreBorne) {
  const std::uint32_t attempt = start_gang();
  ASSERT_TRUE(network().set_quality(3, {.delay_ms = 50, .loss_percent = 5}).ok());
  system_clock().sleep_ms(15'000);
  EXPECT_EQ(wait_for_ranks(4), attempt);
}

}  // namespace
}  // namespace tagalign
