// Room that is kept for a gang that waits, and room that lower priorities make.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/core/decide/estimates.h"
#include "tests/unit/core/world.h"

namespace tagalign::core {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using wire::Outcome;

wire::JobSpec limited(std::string name, std::int64_t limit_s, int ranks = 1) {
  wire::JobSpec job = make_job(std::move(name), "train", ranks);
  job.time_limit_s = limit_s;
  return job;
}
wire::JobSpec urgent(std::string name, int ranks = 1, int priority = 5) {
  wire::JobSpec job = make_job(std::move(name), "train", ranks);
  job.priority = priority;
  return job;
}

struct RoomTest : testing::Test, Bench {
  void started(const std::string& agent, std::uint64_t job, std::uint32_t attempt = 1) {
    report(agent, wire::AttemptStarted{{job}, {attempt}, 9, now});
  }
  void commit(const std::string& agent, std::uint64_t job, std::uint64_t step,
              std::uint64_t steps_total = 0) {
    const std::string name = std::to_string(step);
    report(agent, wire::CheckpointCommitted{{job},
                                            state.jobs.at({job}).attempt,
                                            {step, "/c/" + name, "d" + name, true},
                                            {1'000, 10, 10, steps_total}});
  }
  std::string why(std::uint64_t id) {
    std::string text;
    for (const std::string& line : explain(state, {id}, now)) text += line + "\n";
    return text;
  }
};

// ---------------------------------------------------------------- what is kept

TEST_F(RoomTest, AGangThatWaits_IsNotOvertakenByWhatEndsLater) {
  join("a", 4);
  submit({limited("runs", 100, 3)});
  submit({make_job("gang", "train", 4), limited("short", 100), limited("long", 200),
          make_job("unknown")});
  EXPECT_EQ(state_of(1), "starting");
  EXPECT_EQ(state_of(2), "queued");
  EXPECT_EQ(state_of(3), "starting") << "over when the gang gets its slots";
  ended("a", 3, 1, Outcome::kSucceeded);
  EXPECT_EQ(state_of(4), "queued");
  EXPECT_EQ(state_of(5), "queued");
  EXPECT_THAT(why(2), HasSubstr("comes next: agent a will be its own, expected in about 1"));
  EXPECT_THAT(why(4), HasSubstr("'gang' (job 2) comes first and gets agent a"));
  ended("a", 1, 1, Outcome::kSucceeded);
  EXPECT_EQ(state_of(2), "starting");
  ended("a", 2, 1, Outcome::kSucceeded);
  EXPECT_EQ(state_of(4) + state_of(5), "startingstarting");
}

TEST_F(RoomTest, OtherAgents_AreFreeForAll) {
  join("a", 4);
  submit({limited("runs", 100, 3)});
  join("b", 2);
  submit({make_job("gang", "train", 4)});
  wire::JobSpec spread = make_job("unknown");
  submit({spread});
  EXPECT_EQ(state_of(2), "queued");
  EXPECT_EQ(state_of(3), "starting");
  EXPECT_TRUE(holds(job(3), {"b"})) << "a, the first by name, is kept";
}

TEST_F(RoomTest, WhereNobodyKnowsWhenItsRoomIsFree_OthersStartUntilPatienceIsOver) {
  join("a", 4);
  submit({make_job("runs", "train", 3)});
  submit({make_job("gang", "train", 4), make_job("unknown"), make_job("later")});
  EXPECT_EQ(state_of(3), "starting");
  EXPECT_THAT(why(2), HasSubstr("nobody knows when"));
  now += mind.policy.patience_ms;
  ended("a", 3, 1, Outcome::kSucceeded);
  EXPECT_EQ(state_of(4), "queued");
  ended("a", 1, 1, Outcome::kSucceeded);
  EXPECT_EQ(state_of(2), "starting");
}

TEST_F(RoomTest, AGangThatNoAgentsHold_KeepsNothing) {
  join("a", 4);
  submit({limited("runs", 100, 3)});
  submit({make_job("gang", "train", 9), make_job("unknown")});
  EXPECT_EQ(state_of(3), "starting");
}

// ---------------------------------------------------------------- what is expected

TEST_F(RoomTest, Expected_FromCommits_FromEarlierRuns_AndAtMostTheLimit) {
  join("a", 2);
  submit({make_job("first")});
  started("a", 1);
  EXPECT_EQ(expected_end_ms(state, job(1), now), std::nullopt);
  now += 10'000;
  commit("a", 1, 100, 1000);
  EXPECT_EQ(expected_end_ms(state, job(1), now), now + 90'000) << "ten seconds for 100 steps";
  now += 40'000;
  commit("a", 1, 300, 1000);
  EXPECT_EQ(expected_end_ms(state, job(1), now), now + 140'000) << "the last two commits count";
  give(JobChangeAsked{{1}, wire::JobVerb::kSet, {}, {}, 60});
  EXPECT_EQ(expected_end_ms(state, job(1), now), now + 10'000);
  ended("a", 1, 1, Outcome::kSucceeded, 1000);
  submit({make_job("first")});
  EXPECT_EQ(expected_end_ms(state, job(2), now), now + 50'000) << "as long as the run before it";
}

TEST_F(RoomTest, Expected_IsTheMedianOfEarlierRuns) {
  join("a", 1);
  for (const int seconds : {10, 90, 30}) {
    submit({make_job("same")});
    now += seconds * 1000;
    ended("a", state.jobs.rbegin()->first.value, 1, Outcome::kSucceeded);
  }
  submit({make_job("same")});
  EXPECT_EQ(expected_end_ms(state, job(4), now), now + 30'000);
  EXPECT_EQ(expected_run_ms(state, job(4), now + 5'000), 25'000);
}

// ---------------------------------------------------------------- who makes room

TEST_F(RoomTest, HigherPriority_TakesTheSlotsOfAJobThatSavesAndComesBack) {
  join("a", 1);
  submit({make_job("low")});
  started("a", 1);
  now += mind.policy.preempt_after_ms;
  submit({urgent("high")});
  EXPECT_THAT(effects, Contains("save 1.1@a"));
  EXPECT_EQ(state_of(1), "saving");
  EXPECT_THAT(why(1), HasSubstr("makes room for 'high' (job 2), whose priority is 5"));
  ended("a", 1, 1, Outcome::kSavedAndLeft, 7);
  EXPECT_EQ(state_of(2), "starting");
  EXPECT_EQ(state_of(1), "queued");
  ended("a", 2, 1, Outcome::kSucceeded);
  now += limits::kLaunchRetryMs;
  give(TimePassed{});
  EXPECT_EQ(state_of(1), "starting");
}

TEST_F(RoomTest, APreemptedJob_GetsOnBeforeItIsPreemptedAgain) {
  join("a", 1);
  submit({make_job("low")});
  started("a", 1);
  submit({urgent("high")});
  EXPECT_EQ(state_of(1), "running") << "just begun";
  now += 1'000;
  commit("a", 1, 10);
  give(TimePassed{});
  EXPECT_EQ(state_of(1), "saving") << "it has committed since";
}

TEST_F(RoomTest, PatienceOfPreemption_IsADeadline) {
  join("a", 1);
  submit({make_job("low")});
  started("a", 1);
  submit({urgent("high")});
  const UnixMs end = now + mind.policy.preempt_after_ms;
  while (now < end) {
    const auto due = next_deadline(mind, state);
    ASSERT_TRUE(due && *due <= end);
    now = *due;
    give(TimePassed{});
  }
  EXPECT_EQ(state_of(1), "saving");
}

TEST_F(RoomTest, EqualPriority_IsNotPreempted) {
  join("a", 1);
  submit({urgent("low")});
  started("a", 1);
  now += mind.policy.preempt_after_ms;
  submit({urgent("high")});
  EXPECT_EQ(state_of(1), "running");
}

TEST_F(RoomTest, EqualPriority_BesideALowerOne_IsNotPreemptedEither) {
  join("a", 2);
  submit({urgent("peer", 1, 5), urgent("low", 1, 0)});
  for (const std::uint64_t id : {1u, 2u}) {
    started("a", id);
    commit("a", id, 10);
  }
  now += 100'000;
  submit({urgent("gang", 2, 5)});
  EXPECT_EQ(state_of(1), "running");
  EXPECT_EQ(state_of(2), "running") << "alone it makes no room";
}

TEST_F(RoomTest, WhoWasOnlyChosenOnTheWay_IsSpared) {
  join("a", 1);
  join("b", 2);
  submit({urgent("wide", 2, 0), urgent("narrow", 1, 0)});
  ASSERT_EQ(jobs_on(state, {"b"}), std::set{JobId{1}});
  for (const std::uint64_t id : {1u, 2u}) started(id == 1 ? "b" : "a", id);
  commit("b", 1, 10);
  commit("a", 2, 10);
  now += 100'000;
  wire::JobSpec wants = urgent("wants", 2);
  wants.nodes_max = 1;
  submit({wants});
  EXPECT_EQ(state_of(1), "saving");
  EXPECT_EQ(state_of(2), "running") << "the cheaper one, whose slot is of no use";
}

TEST_F(RoomTest, NoMoreAreAskedThanNeeded_TheCheapestFirst) {
  join("a", 4);
  submit({make_job("one"), make_job("two"), make_job("three"), make_job("four")});
  for (const std::uint64_t id : {1, 2, 3, 4}) started("a", id);
  now += mind.policy.preempt_after_ms;
  commit("a", 2, 10);
  commit("a", 4, 11);
  now += 10;
  submit({urgent("high", 2)});
  EXPECT_EQ(state_of(2) + state_of(4), "savingsaving") << "the least unsaved work";
  EXPECT_EQ(state_of(1) + state_of(3), "runningrunning");
  give(TimePassed{});
  EXPECT_EQ(state_of(1) + state_of(3), "runningrunning") << "enough leave already";
  ended("a", 2, 1, Outcome::kSavedAndLeft, 10);
  EXPECT_EQ(state_of(5), "queued");
  EXPECT_EQ(state_of(2), "queued") << "its slot is kept";
  ended("a", 4, 1, Outcome::kSavedAndLeft, 11);
  EXPECT_EQ(state_of(5), "starting");
}

TEST_F(RoomTest, TooFewVictims_NobodyIsAskedInVain) {
  join("a", 1);
  submit({make_job("low")});
  started("a", 1);
  now += mind.policy.preempt_after_ms;
  submit({urgent("gang", 3)});
  EXPECT_EQ(state_of(1), "running");
  EXPECT_THAT(effects, Not(Contains("save 1.1@a")));
}

}  // namespace
}  // namespace tagalign::core
