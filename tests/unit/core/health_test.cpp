// An agent on which attempts keep dying gets no work, until one attempt has tried it.
#include "coordinator/core/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace tagalign::core {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using wire::Outcome;

/// Agent a is bad, b is good; of each many jobs of one slot.
struct HealthTest : testing::Test, Bench {
  void SetUp() override {
    for (int i = 0; i < 12; ++i) jobs.push_back(make_job("j" + std::to_string(i)));
  }
  void later(std::int64_t ms = 1'500) {
    now += ms;
    give(TimePassed{});
  }
  std::vector<std::uint64_t> on(const std::string& agent) {
    std::vector<std::uint64_t> ids;
    for (const JobId id : jobs_on(state, {agent})) ids.push_back(id.value);
    return ids;
  }
  /// What runs on `agent` ends so, a while later.
  void end_on(const std::string& agent, Outcome outcome, int code = 0) {
    later();
    ASSERT_FALSE(on(agent).empty());
    const std::uint64_t id = on(agent).front();
    ended(agent, id, job(id).attempt.value, outcome, 0, code);
  }
  /// Agent a with three launches that failed while b did well.
  void drain_a() {
    submit(jobs);
    join("a", 1);
    join("b", 1);
    end_on("a", Outcome::kLaunchFailed);
    end_on("b", Outcome::kSucceeded);
    end_on("a", Outcome::kLaunchFailed);
    end_on("a", Outcome::kLaunchFailed);
  }
  std::string text() { return drained_text(state, {"a"}, now); }

  std::vector<wire::JobSpec> jobs;
};

TEST_F(HealthTest, ThreeDeathsWhileAnotherDoesWell_GetNoMoreWork) {
  drain_a();
  later();
  EXPECT_THAT(on("a"), IsEmpty());
  EXPECT_FALSE(on("b").empty());
  EXPECT_THAT(text(), HasSubstr("drained: 3 attempts in a row died there, the last of: why; one is "
                                "tried there in 4 min 58 s"));
}

TEST_F(HealthTest, Drained_IsSaidToPeople_InTheLogAndWithTheJob) {
  drain_a();
  EXPECT_THAT(effects, Contains("alert"));
  std::vector<std::string> notices;
  for (const auto& [id, job] : state.jobs)
    notices.insert(notices.end(), job.notices.begin(), job.notices.end());
  EXPECT_THAT(notices, ElementsAre(HasSubstr("agent a is drained: 3 attempts")));
  const std::uint64_t waiting = state.index.ready.begin()->second.front().first.job.value;
  EXPECT_THAT(explain(state, {waiting}, now),
              Contains(HasSubstr("agent a has 1 slot of 1 free; drained: 3 attempts in a row")));
}

TEST_F(HealthTest, TwoDeathsAndAGoodEnd_BeginToCountAgain) {
  submit(jobs);
  join("a", 1);
  join("b", 1);
  end_on("b", Outcome::kSucceeded);
  for (int round = 0; round < 3; ++round) {
    end_on("a", Outcome::kLaunchFailed);
    end_on("b", Outcome::kSucceeded);
    end_on("a", Outcome::kLaunchFailed);
    end_on("a", Outcome::kSucceeded);
  }
  EXPECT_EQ(text(), "");
  EXPECT_THAT(state.health, IsEmpty());
}

TEST_F(HealthTest, NobodyDoesBetter_NobodyIsDrained) {
  submit(jobs);
  join("a", 1);
  join("b", 1);
  for (int round = 0; round < 4; ++round) {
    end_on("a", Outcome::kLaunchFailed, 74);
    end_on("b", Outcome::kLaunchFailed, 74);
  }
  EXPECT_EQ(text(), "");
}

TEST_F(HealthTest, AGoodEndBeforeTheDeaths_SaysNothingOfThem) {
  submit(jobs);
  join("a", 1);
  join("b", 1);
  end_on("b", Outcome::kSucceeded);
  for (int round = 0; round < 4; ++round) end_on("a", Outcome::kLaunchFailed);
  EXPECT_EQ(text(), "");
  end_on("b", Outcome::kSucceeded);
  end_on("a", Outcome::kLaunchFailed);
  EXPECT_THAT(text(), HasSubstr("drained: 5 attempts"));
}

TEST_F(HealthTest, TheOnlyAgent_IsNeverDrained) {
  submit(jobs);
  join("b", 1);
  end_on("b", Outcome::kSucceeded);
  give(AgentLost{{"b"}});
  join("a", 1);
  for (int round = 0; round < 8; ++round) end_on("a", Outcome::kLaunchFailed, 74);
  EXPECT_EQ(text(), "");
}

TEST_F(HealthTest, OneJobThatIsKilledAgainAndAgain_IsItsOwnDoing) {
  submit({make_job("big"), make_job("x"), make_job("y")});
  join("a", 1);
  join("b", 1);
  end_on("a", Outcome::kRankKilled);
  end_on("b", Outcome::kSucceeded);
  for (int round = 0; round < 4; ++round) {
    ASSERT_EQ(on("a"), std::vector<std::uint64_t>{1});
    end_on("a", Outcome::kRankKilled);
    later(limits::kRetryBackOffMsMax);
  }
  EXPECT_EQ(text(), "");
}

TEST_F(HealthTest, ThreeJobsThatFail_ReadAgainstTheNode) {
  submit(jobs);
  join("a", 1);
  join("b", 1);
  for (int round = 0; round < 3; ++round) {
    end_on("b", Outcome::kSucceeded);
    later();
    const std::uint64_t id = on("a").front();
    job(id).spec.retries_max = 0;
    ended("a", id, job(id).attempt.value, Outcome::kFailed, 5, 1);
  }
  EXPECT_THAT(text(), HasSubstr("drained: 3 attempts"));
}

TEST_F(HealthTest, WhatNoRetryHelps_IsNotTheNodes) {
  submit(jobs);
  join("a", 1);
  join("b", 1);
  end_on("b", Outcome::kSucceeded);
  for (int round = 0; round < 4; ++round) {
    end_on("a", Outcome::kFailed, 93);
    end_on("b", Outcome::kSucceeded);
  }
  EXPECT_EQ(text(), "");
}

TEST_F(HealthTest, SeveralAttemptsLostAtOneMoment_AreOneDeath) {
  submit(jobs);
  join("a", 4);
  join("b", 1);
  end_on("b", Outcome::kSucceeded);
  later();
  give(AgentLost{{"a"}});
  EXPECT_EQ(strikes(state.health.at({"a"})), 1);
}

TEST_F(HealthTest, CommitOfItsAttempt_ClearsTheAgent) {
  submit(jobs);
  join("a", 1);
  join("b", 1);
  end_on("a", Outcome::kLaunchFailed);
  later();
  committed(on("a").front(), job(on("a").front()).attempt.value, 10);
  EXPECT_THAT(state.health, IsEmpty());
}

// ---------------------------------------------------------------- tried again

TEST_F(HealthTest, AfterTheBackOff_OneAttemptTriesIt_AndNoMore) {
  join("c", 1);
  drain_a();
  give(AgentJoined{{{"a"}, "i1", "host", 4, 0, 1, {}, sequence["a"] + 1}});
  EXPECT_THAT(on("a"), IsEmpty());
  const auto probe = state.health.at({"a"}).probe_ms;
  EXPECT_EQ(probe, now + mind.policy.drain_back_off_ms);
  now = probe - 1;
  give(TimePassed{});
  EXPECT_THAT(on("a"), IsEmpty());
  now = probe;
  give(TimePassed{});
  EXPECT_EQ(on("a").size(), 1u) << "four slots are free there";
  EXPECT_THAT(text(), HasSubstr("is tried there now"));
}

TEST_F(HealthTest, ProbeThatGoesWell_EndsIt) {
  drain_a();
  now = state.health.at({"a"}).probe_ms;
  give(TimePassed{});
  end_on("a", Outcome::kSucceeded);
  EXPECT_EQ(text(), "");
  EXPECT_FALSE(on("a").empty());
  EXPECT_THAT(state.index.probes, IsEmpty());
}

TEST_F(HealthTest, ProbeThatDies_DoublesTheBackOff_UpToTheMaximum) {
  drain_a();
  std::int64_t expected = mind.policy.drain_back_off_ms;
  for (int round = 0; round < 6; ++round) {
    now = state.health.at({"a"}).probe_ms;
    give(TimePassed{});
    ASSERT_EQ(on("a").size(), 1u) << round;
    end_on("a", Outcome::kAgentRestarted);
    expected = std::min(2 * expected, mind.policy.drain_back_off_ms_max);
    EXPECT_EQ(state.health.at({"a"}).probe_ms, now + expected);
    EXPECT_THAT(on("a"), IsEmpty());
  }
}

TEST_F(HealthTest, ProbeThatIsCancelled_TellsNothing_AndAnotherTries) {
  drain_a();
  now = state.health.at({"a"}).probe_ms;
  give(TimePassed{});
  const std::uint64_t first = on("a").front();
  give(CancelRequested{{first}});
  ended("a", first, job(first).attempt.value, Outcome::kKilledOnRequest);
  EXPECT_EQ(on("a").size(), 1u);
  EXPECT_NE(on("a").front(), first);
}

TEST_F(HealthTest, RoomElsewhere_IsTakenFirst) {
  drain_a();
  now = state.health.at({"a"}).probe_ms;
  join("b", 40);
  EXPECT_THAT(on("a"), IsEmpty()) << "nobody lacks room";
  EXPECT_THAT(text(), HasSubstr("the next that finds no room elsewhere is tried there"));
}

TEST_F(HealthTest, NobodyElseIsLeft_ItIsTriedAtOnce) {
  drain_a();
  give(AgentLost{{"b"}});
  EXPECT_EQ(on("a").size(), 1u);
}

TEST_F(HealthTest, GangThatNeedsIt_WaitsForTheProbe_AndIsNotLockedOut) {
  drain_a();
  for (std::uint64_t id = 1; id <= jobs.size(); ++id) {
    if (state_of(id) == "queued") give(CancelRequested{{id}});
  }
  wire::JobSpec gang = make_job("gang", "train", 2);
  gang.ranks_per_node = 1;
  gang.priority = 9;
  submit({gang});
  const std::uint64_t id = state.jobs.rbegin()->first.value;
  EXPECT_EQ(state_of(id), "queued");
  now = state.health.at({"a"}).probe_ms;
  end_on("b", Outcome::kSucceeded);
  EXPECT_EQ(state_of(id), "starting");
}

TEST_F(HealthTest, Restart_StaysDrained_AndKnowsWhoDidWell) {
  drain_a();
  const Index before = state.index;
  build_index(state);
  EXPECT_EQ(state.index.probes, before.probes);
  EXPECT_EQ(state.index.good_at, before.good_at);
  EXPECT_EQ(state.index.free_of, before.free_of);
  EXPECT_EQ(next_deadline(mind, state) <= state.health.at({"a"}).probe_ms, true);
}

}  // namespace
}  // namespace tagalign::core
