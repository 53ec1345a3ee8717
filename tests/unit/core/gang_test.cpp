/// Gangs over several agents: where they go, how they run and end as one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/core/decide/runway.h"
#include "coordinator/core/decide/verdict.h"
#include "tests/unit/core/world.h"

namespace tagalign::core {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;
using wire::Outcome;

/// "a:0[0,1] b:2[3]": agent, first rank, slots.
std::string seats(const std::vector<wire::Share>& shares) {
  std::string text;
  for (const wire::Share& share : shares) {
    text += (text.empty() ? "" : " ") + share.agent.value + ":" + std::to_string(share.first_rank);
    for (std::size_t i = 0; i < share.slots.size(); ++i) {
      text += (i == 0 ? "[" : ",") + std::to_string(share.slots[i]);
    }
    text += "]";
  }
  return text;
}

struct Nodes : Bench {
  void join_pool(const std::string& agent, int slots, const std::string& pool,
                 const std::string& allocation = "",
                 wire::GangLauncher launcher = wire::GangLauncher::kMpirun, UnixMs ends_ms = 0) {
    wire::AgentHello hello{{agent}, "i1", "host", slots, 0, 1, {}, sequence[agent] + 1, {}};
    hello.place.pool = pool;
    hello.place.allocation = allocation;
    hello.place.launcher = launcher;
    hello.place.ends_ms = ends_ms;
    give(AgentJoined{hello});
  }
  std::string where(std::uint64_t id) {
    return job(id).attempts.empty() ? "nowhere" : seats(job(id).attempts.back().shares);
  }
  void started(const std::string& agent, std::uint64_t id, std::uint32_t attempt = 1) {
    report(agent, wire::AttemptStarted{{id}, {attempt}, 9, now});
  }
};

wire::JobSpec gang(int ranks, int slots_per_rank = 1) {
  wire::JobSpec spec = make_job("gang", "train", ranks);
  spec.slots_per_rank = slots_per_rank;
  return spec;
}

TEST(Placement, OneAgentThatHoldsAll_GoesBeforeSeveral) {
  Nodes n;
  n.join("a", 2);
  n.join("b", 4);
  n.submit({gang(4)});
  EXPECT_EQ(n.where(1), "b:0[0,1,2,3]");
}

TEST(Placement, SeveralAgents_AreTheFewestAndTheLastTheTightest) {
  Nodes n;
  n.join("a", 1);
  n.join("b", 4);
  n.join("c", 3);
  n.join("d", 2);
  n.submit({gang(6)});
  EXPECT_EQ(n.where(1), "b:0[0,1,2,3] d:4[0,1]");
}

TEST(Placement, RanksOfSeveralSlots_StayWhole) {
  Nodes n;
  n.join("a", 3);
  n.join("b", 3);
  n.submit({gang(3, 2)});
  EXPECT_EQ(n.where(1), "nowhere") << "three slots hold one rank of two";
  n.join("c", 2);
  EXPECT_EQ(n.where(1), "a:0[0,1] b:1[0,1] c:2[0,1]");
}

TEST(Placement, SlotsInUse_AreLeftOut) {
  Nodes n;
  n.join("a", 2);
  n.submit({gang(1)});
  n.join("b", 2);
  n.submit({gang(3)});
  EXPECT_EQ(n.where(2), "a:0[1] b:1[0,1]");
}

TEST(Placement, RanksPerNode_AreExact) {
  Nodes n;
  n.join("a", 4);
  wire::JobSpec spec = gang(4);
  spec.ranks_per_node = 2;
  n.submit({spec});
  EXPECT_EQ(n.where(1), "nowhere");
  n.join("b", 4);
  EXPECT_EQ(n.where(1), "a:0[0,1] b:2[0,1]");
}

TEST(Placement, NodesMax_IsKept) {
  Nodes n;
  for (const char* agent : {"a", "b", "c"}) n.join(agent, 1);
  wire::JobSpec spec = gang(3);
  spec.nodes_max = 2;
  n.submit({spec});
  EXPECT_EQ(n.where(1), "nowhere");
  n.join("d", 2);
  EXPECT_EQ(n.where(1), "a:0[0] d:1[0,1]");
}

TEST(Placement, Gang_StaysInOnePool) {
  Nodes n;
  n.join_pool("a", 1, "x");
  n.join_pool("b", 1, "y");
  n.submit({gang(2)});
  EXPECT_EQ(n.where(1), "nowhere");
  n.join_pool("c", 1, "y");
  EXPECT_EQ(n.where(1), "b:0[0] c:1[0]");
}

TEST(Placement, PoolOfAJob_IsTheOnlyOneItUses) {
  Nodes n;
  n.join_pool("a", 4, "x");
  wire::JobSpec spec = gang(1);
  spec.pool = "y";
  n.submit({spec});
  EXPECT_EQ(n.where(1), "nowhere");
  n.join_pool("b", 4, "y");
  EXPECT_EQ(n.where(1), "b:0[0]");
}

TEST(Placement, Srun_StaysInOneAllocation) {
  Nodes n;
  n.join_pool("a", 1, "x", "7", wire::GangLauncher::kSrun);
  n.join_pool("b", 1, "x", "8", wire::GangLauncher::kSrun);
  n.submit({gang(2)});
  EXPECT_EQ(n.where(1), "nowhere");
  n.join_pool("c", 1, "x", "8", wire::GangLauncher::kSrun);
  EXPECT_EQ(n.where(1), "b:0[0] c:1[0]");
  EXPECT_EQ(n.job(1).attempts.back().launcher, wire::GangLauncher::kSrun);
}

TEST(Placement, AgentThatEndsSoon_GetsNothing) {
  Nodes n;
  const Job fresh;
  n.join_pool("a", 1, "x", "7", wire::GangLauncher::kMpirun, n.now + runway_ms(fresh) - 1);
  n.submit({gang(1)});
  EXPECT_EQ(n.where(1), "nowhere");
  n.join_pool("b", 1, "x", "8", wire::GangLauncher::kMpirun, n.now + runway_ms(fresh));
  EXPECT_EQ(n.where(1), "b:0[0]");
}

TEST(Placement, AgentWhoseAllocationEnds_IsToldToLeaveInTime) {
  Nodes n;
  const UnixMs ends_ms = n.now + limits::kLeaveBeforeEndMs + 5'000;
  n.join_pool("a", 1, "x", "7", wire::GangLauncher::kMpirun, ends_ms);
  EXPECT_EQ(next_deadline(n.mind, n.state), n.now + 5'000);
  n.now += 4'999;
  n.give(TimePassed{});
  EXPECT_THAT(n.effects, IsEmpty());
  n.now += 1;
  n.give(TimePassed{});
  EXPECT_THAT(n.effects, ElementsAre("shutdown@a"));
  n.give(TimePassed{});
  EXPECT_THAT(n.effects, IsEmpty());
  n.now += 10'000;
  n.give(TimePassed{});
  EXPECT_THAT(n.effects, ElementsAre("shutdown@a")) << "it may not have heard";
  n.join_pool("a", 0, "x", "7", wire::GangLauncher::kMpirun, ends_ms);
  EXPECT_EQ(next_deadline(n.mind, n.state), std::nullopt) << "it leaves";
}

/// A gang of two on a (head) and b, running.
Nodes running() {
  Nodes n;
  n.join("a", 1);
  n.join("b", 1);
  n.submit({gang(2)});
  n.started("a", 1);
  n.started("b", 1);
  return n;
}

TEST(Gang, Launch_GoesToAllAndRunsWhenAllDo) {
  Nodes n;
  n.join("a", 1);
  n.join("b", 1);
  n.submit({gang(2)});
  EXPECT_THAT(n.effects, ElementsAre("launch 1.1@a", "launch 1.1@b"));
  n.started("a", 1);
  EXPECT_EQ(n.state_of(1), "starting");
  n.now += 10'000;
  n.give(TimePassed{});
  EXPECT_THAT(n.effects, ElementsAre("launch 1.1@b")) << "only to who has not said that it runs";
  n.started("b", 1);
  EXPECT_EQ(n.state_of(1), "running");
}

TEST(Gang, DaemonThatTheHeadWants_IsStartedAndAskedForAgain) {
  Nodes n;
  n.join("a", 1);
  n.join("b", 1);
  n.submit({gang(2)});
  n.report("a", wire::DaemonWanted{{1}, {1}, {"b"}, "orted"});
  EXPECT_THAT(n.effects, Contains("daemon 1.1@b"));
  n.started("a", 1);
  n.now += 10'000;
  n.give(TimePassed{});
  EXPECT_THAT(n.effects, ElementsAre("launch 1.1@b", "daemon 1.1@b"));
  n.report("a", wire::DaemonWanted{{1}, {1}, {"nobody"}, "orted"});
  EXPECT_EQ(n.state.dropped_stale, 1u);
}

TEST(Gang, MemberFails_TheRestIsKilledBeforeTheNextAttempt) {
  Nodes n = running();
  n.ended("b", 1, 1, Outcome::kRankKilled, 5);
  EXPECT_THAT(n.effects, Contains("kill 1.1@a"));
  EXPECT_EQ(n.state_of(1), "running") << "until nothing of it is left";
  EXPECT_EQ(n.job(1).attempt, Attempt{1});
  n.ended("a", 1, 1, Outcome::kKilledOnRequest, 7);
  EXPECT_EQ(n.job(1).attempt, Attempt{2});
  EXPECT_EQ(n.job(1).attempts.front().outcome, Outcome::kRankKilled);
  EXPECT_EQ(n.job(1).attempts.front().last_step, 7u);
}

TEST(Gang, KillThatIsNotAnswered_IsSaidAgain) {
  Nodes n = running();
  n.ended("b", 1, 1, Outcome::kRankKilled, 5);
  n.now += 10'000;
  n.give(TimePassed{});
  EXPECT_THAT(n.effects, ElementsAre("kill 1.1@a", "hello@a"));
}

TEST(Gang, MemberThatEndedWell_LeavesTheHeadItsTime) {
  Nodes n = running();
  n.ended("b", 1, 1, Outcome::kSucceeded, 5);
  EXPECT_THAT(n.effects, Not(Contains("kill 1.1@a")));
  n.ended("a", 1, 1, Outcome::kSucceeded, 5);
  EXPECT_EQ(n.state_of(1), "succeeded");
}

TEST(Gang, MemberLost_IsAnEndOfItsShare) {
  Nodes n = running();
  n.give(AgentLost{{"b"}});
  EXPECT_THAT(n.effects, Contains("kill 1.1@a"));
  n.ended("a", 1, 1, Outcome::kKilledOnRequest, 7);
  EXPECT_EQ(n.state_of(1), "queued") << "b is gone, a alone is too small";
  EXPECT_THAT(n.job(1).attempts.front().message, HasSubstr("on b: agent b fell silent"));
  n.join("b", 1, {{{1}, {1}}});
  EXPECT_THAT(n.effects, Contains("kill 1.1@b")) << "what it still has of the old attempt";
}

TEST(Gang, MemberThatComesBackWithItsShare_IsWaitedFor) {
  Nodes n = running();
  n.give(AgentLost{{"b"}});
  n.join("b", 1, {{{1}, {1}}});
  EXPECT_THAT(n.effects, Contains("kill 1.1@b"));
  n.ended("a", 1, 1, Outcome::kKilledOnRequest, 7);
  EXPECT_EQ(n.job(1).attempt, Attempt{1}) << "b has not said that its share is gone";
  n.ended("b", 1, 1, Outcome::kKilledOnRequest, 7);
  EXPECT_EQ(n.job(1).attempt, Attempt{2});
}

TEST(Gang, Cancelled_AllAgentsAreAskedToSave) {
  Nodes n = running();
  n.give(CancelRequested{{1}});
  EXPECT_THAT(n.effects, ElementsAre("save 1.1@a", "save 1.1@b"));
  n.ended("b", 1, 1, Outcome::kSavedAndLeft, 5, 75);
  n.ended("a", 1, 1, Outcome::kSavedAndLeft, 5, 75);
  EXPECT_EQ(n.state_of(1), "cancelled");
}

TEST(Gang, CheckpointOfAnyShare_IsTaken) {
  Nodes n = running();
  n.report("b", wire::CheckpointCommitted{{1}, {1}, {7, "/c/7", "d7", true}});
  EXPECT_TRUE(n.job(1).checkpoints.contains(7));
}

TEST(Gang, AfterARestart_WhatWasEndingIsStillEnded) {
  Nodes n = running();
  n.ended("b", 1, 1, Outcome::kRankKilled, 5);
  n.mind.reminders = remind_all(n.state);
  n.now += 10'000;
  n.give(TimePassed{});
  EXPECT_THAT(n.effects, Contains("kill 1.1@a"));
}

ShareEnd end(const char* agent, Outcome outcome, int code = 0, int rank = -1, UnixMs at_ms = 0) {
  return {{agent}, outcome, code, rank, 0, "why", at_ms};
}

TEST(Verdict, HeadThatSucceeded_Decides) {
  const auto verdict =
      judge_attempt({end("b", Outcome::kGangApart), end("a", Outcome::kSucceeded)}, {"a"});
  EXPECT_EQ(verdict.outcome, Outcome::kSucceeded);
}

TEST(Verdict, HeadThatSaved_IsNotBelievedForAMemberThatDidNot) {
  const auto verdict =
      judge_attempt({end("a", Outcome::kSavedAndLeft, 75), end("b", Outcome::kGangApart)}, {"a"});
  EXPECT_EQ(verdict.outcome, Outcome::kGangApart);
}

TEST(Verdict, OwnFailure_GoesBeforeWhatItBrought) {
  const auto verdict = judge_attempt(
      {end("a", Outcome::kRankKilled, 1, 0, 10), end("b", Outcome::kFailed, 1, 2, 20)}, {"a"});
  EXPECT_EQ(verdict.outcome, Outcome::kFailed);
  EXPECT_EQ(verdict.failed_rank, 2);
  EXPECT_EQ(verdict.message, "on b: why");
}

TEST(Verdict, OfRanksThatVanished_TheFirstCounts) {
  const auto verdict = judge_attempt(
      {end("b", Outcome::kRankKilled, 0, 2, 30), end("a", Outcome::kRankKilled, 137, 0, 20)},
      {"a"});
  EXPECT_EQ(verdict.failed_rank, 0);
}

TEST(Verdict, CrashThatTheLauncherSaw_IsTheProgramsFault) {
  const auto verdict = judge_attempt(
      {end("b", Outcome::kRankKilled, 0, 2, 10), end("a", Outcome::kRankKilled, 139, 0, 20)},
      {"a"});
  EXPECT_EQ(verdict.outcome, Outcome::kFailed);
  EXPECT_EQ(verdict.failed_rank, 2);
}

TEST(Verdict, LostAgent_ExplainsEverything) {
  const auto verdict = judge_attempt(
      {end("a", Outcome::kRankKilled, 137, 0, 10), end("b", Outcome::kAgentRestarted)}, {"a"});
  EXPECT_EQ(verdict.outcome, Outcome::kAgentRestarted);
}

}  // namespace
}  // namespace tagalign::core
