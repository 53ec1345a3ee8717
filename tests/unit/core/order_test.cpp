// In which order jobs start, and what people may change about it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace tagalign::core {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using wire::JobVerb;
using wire::Outcome;

wire::JobSpec with_priority(wire::JobSpec job, int priority) {
  job.priority = priority;
  return job;
}

struct OrderTest : testing::Test, Bench {
  void change(std::uint64_t job, JobVerb verb, std::string reason = {}) {
    give(JobChangeAsked{{job}, verb, std::move(reason), {}, {}});
  }
  void set(std::uint64_t job, std::optional<int> priority, std::optional<std::int64_t> limit_s) {
    give(JobChangeAsked{{job}, JobVerb::kSet, {}, priority, limit_s});
  }
  void started(const std::string& agent, std::uint64_t job, std::uint32_t attempt) {
    report(agent, wire::AttemptStarted{{job}, {attempt}, 9, now});
  }
  /// Jobs in the order in which one slot takes them.
  std::vector<std::uint64_t> order_on_one_slot() {
    join("a", 1);
    std::vector<std::uint64_t> order;
    while (true) {
      const auto held = jobs_on(state, {"a"});
      if (held.empty()) return order;
      order.push_back(held.begin()->value);
      ended("a", order.back(), job(order.back()).attempt.value, Outcome::kSucceeded);
    }
  }
  std::string why(std::uint64_t id) {
    std::string text;
    for (const std::string& line : explain(state, {id}, now)) text += line + "\n";
    return text;
  }
};

TEST_F(OrderTest, HigherPriority_StartsFirst_ThenTheOlder) {
  submit({with_priority(make_job("a"), -1), make_job("b"), with_priority(make_job("c"), 5),
          make_job("d")});
  EXPECT_THAT(order_on_one_slot(), ElementsAre(3, 2, 4, 1));
}

TEST_F(OrderTest, WorkflowsOfOnePriority_TakeTurnsBySlotsHeld) {
  submit({make_job("a"), make_job("b"), make_job("c"), make_job("d")});
  submit({make_job("e"), make_job("f")});
  join("n", 3);
  EXPECT_EQ(state_of(1), "starting");
  EXPECT_EQ(state_of(5), "starting") << "the second workflow held nothing";
  EXPECT_EQ(state_of(2), "starting") << "both held one: the older job";
  EXPECT_EQ(state_of(6), "queued");
  ended("n", 1, 1, Outcome::kSucceeded);
  EXPECT_EQ(state_of(3), "starting");
  ended("n", 2, 1, Outcome::kSucceeded);
  ended("n", 3, 1, Outcome::kSucceeded);
  EXPECT_EQ(state_of(6), "starting");
}

TEST_F(OrderTest, SetPriority_MovesAQueuedJob) {
  submit({make_job("a"), make_job("b"), make_job("c")});
  set(3, 1, {});
  EXPECT_THAT(why(3), HasSubstr("its priority is 1"));
  EXPECT_THAT(order_on_one_slot(), ElementsAre(3, 1, 2));
}

TEST_F(OrderTest, Held_DoesNotStart_UntilItIsReleased) {
  submit({make_job("a")});
  change(1, JobVerb::kHold, "for a look");
  join("a", 1);
  EXPECT_EQ(state_of(1), "queued");
  EXPECT_THAT(why(1), HasSubstr("held: for a look; let it start: tagalign job release 1"));
  change(1, JobVerb::kRelease);
  EXPECT_EQ(state_of(1), "starting");
}

TEST_F(OrderTest, HeldBehindAnother_SaysBoth) {
  submit({make_job("a"), make_job("b", "train", 1, {"a"})});
  change(2, JobVerb::kHold);
  EXPECT_THAT(why(2), testing::AllOf(testing::StartsWith("held; let it start"),
                                     HasSubstr("waits for 'a' (job 1)")));
}

TEST_F(OrderTest, HeldWhileItRuns_SavesAndStaysHeld_AndIsChargedNothing) {
  submit({make_job("a")});
  join("a", 1);
  started("a", 1, 1);
  change(1, JobVerb::kHold);
  EXPECT_THAT(effects, Contains("save 1.1@a"));
  EXPECT_THAT(why(1), HasSubstr("it comes back by itself"));
  ended("a", 1, 1, Outcome::kSavedAndLeft, 7);
  now += limits::kLaunchRetryMs;
  give(TimePassed{});
  EXPECT_EQ(state_of(1), "queued");
  EXPECT_EQ(job(1).program_failures + job(1).stalled_failures, 0);
  change(1, JobVerb::kRelease);
  EXPECT_EQ(state_of(1), "starting");
}

TEST_F(OrderTest, RequeuedWhileItRuns_ComesBack_AlsoWhenItHadToBeKilled) {
  submit({make_job("a")});
  join("a", 1);
  started("a", 1, 1);
  for (const Outcome outcome : {Outcome::kSavedAndLeft, Outcome::kKilledOnRequest}) {
    const std::uint32_t attempt = job(1).attempt.value;
    change(1, JobVerb::kRequeue);
    ended("a", 1, attempt, outcome, 7);
    EXPECT_EQ(state_of(1), "queued");
    EXPECT_EQ(job(1).stalled_failures, 0);
    now += limits::kLaunchRetryMs;
    give(TimePassed{});
    started("a", 1, attempt + 1);
  }
  EXPECT_EQ(state_of(1), "running");
}

TEST_F(OrderTest, CancelledWhileItLeavesToComeBack_IsCancelled) {
  submit({make_job("a")});
  join("a", 1);
  started("a", 1, 1);
  change(1, JobVerb::kRequeue);
  change(1, JobVerb::kCancel, "wrong data");
  ended("a", 1, 1, Outcome::kSavedAndLeft, 7);
  EXPECT_EQ(state_of(1), "cancelled");
  EXPECT_THAT(why(1), HasSubstr("cancelled on request: wrong data"));
}

TEST_F(OrderTest, FailedJob_IsTriedAgain_WithAllThatWasCancelledForIt) {
  submit({make_job("a"), make_job("b", "train", 1, {"a"}), make_job("c", "train", 1, {"b"}),
          make_job("d", "train", 1, {"a"})});
  change(4, JobVerb::kCancel);
  join("a", 1);
  ended("a", 1, 1, Outcome::kFailed, 0, 93);
  EXPECT_EQ(state_of(1) + state_of(2) + state_of(3), "failedcancelledcancelled");
  change(1, JobVerb::kRequeue);
  EXPECT_EQ(state_of(1), "starting");
  EXPECT_EQ(job(1).program_failures, 0);
  EXPECT_EQ(state_of(2) + state_of(3), "queuedqueued");
  EXPECT_EQ(state_of(4), "cancelled") << "a person did that";
  for (const std::uint64_t id : {1, 2, 3})
    ended("a", id, job(id).attempt.value, Outcome::kSucceeded);
  EXPECT_EQ(state_of(3), "succeeded");
  change(3, JobVerb::kRequeue);
  EXPECT_EQ(state_of(3), "succeeded");
}

TEST_F(OrderTest, RequeuedBehindAFailedOne_IsCancelledAgain_WithTheReason) {
  submit({make_job("a"), make_job("b", "train", 1, {"a"})});
  join("a", 1);
  ended("a", 1, 1, Outcome::kFailed, 0, 93);
  change(2, JobVerb::kRequeue);
  EXPECT_EQ(state_of(2), "cancelled");
  EXPECT_THAT(why(2), HasSubstr("'a' (job 1), which failed"));
}

TEST_F(OrderTest, TimeLimit_CountsAttemptsTogether_AndWarnsBefore) {
  wire::JobSpec limited = make_job("a");
  limited.time_limit_s = 100;
  submit({limited});
  join("a", 1);
  started("a", 1, 1);
  now += 60'000;
  ended("a", 1, 1, Outcome::kRankKilled, 1);
  started("a", 1, 2);
  EXPECT_THAT(why(1), HasSubstr("is over in 40"));
  const auto due = next_deadline(mind, state);
  ASSERT_TRUE(due);
  EXPECT_EQ(*due, now + 40'000);
  now += 39'999;
  give(TimePassed{});
  EXPECT_EQ(state_of(1), "running");
  now += 1;
  give(TimePassed{});
  EXPECT_EQ(state_of(1), "saving");
  ended("a", 1, 2, Outcome::kSavedAndLeft, 9);
  EXPECT_EQ(state_of(1), "cancelled");
  EXPECT_THAT(why(1), HasSubstr("its time limit of"));
}

TEST_F(OrderTest, TimeLimit_SetWhileItRuns_HoldsAtOnce_AlsoAfterARestart) {
  submit({make_job("a")});
  join("a", 1);
  started("a", 1, 1);
  set(1, {}, 50);
  now += 50'000;
  mind.reminders = remind_all(state);
  give(TimePassed{});
  EXPECT_EQ(state_of(1), "saving");
}

TEST_F(OrderTest, AfterAny_WaitsForTheEnd_WhateverItIs) {
  wire::JobSpec report = make_job("report");
  report.after_any = {"good", "bad"};
  submit({make_job("good"), make_job("bad"), report});
  join("a", 2);
  EXPECT_THAT(why(3), HasSubstr("waits for the end of 'good' (job 1)"));
  ended("a", 1, 1, Outcome::kSucceeded);
  EXPECT_EQ(state_of(3), "queued");
  ended("a", 2, 1, Outcome::kFailed, 0, 93);
  EXPECT_EQ(state_of(3), "starting");
}

TEST_F(OrderTest, AfterAny_IsRefusedWhereItMakesNoSense) {
  const auto refusal = [](wire::JobSpec job) {
    return validate(make_workflow({make_job("a"), std::move(job)})).message();
  };
  wire::JobSpec job = make_job("b");
  job.after_any = {"x"};
  EXPECT_THAT(refusal(job), HasSubstr("after_any names 'x', which is no job"));
  job.after_any = {"a"};
  job.after = {"a"};
  EXPECT_THAT(refusal(job), HasSubstr("twice"));
  job.after = {};
  job.on_commit_of = "a";
  EXPECT_THAT(refusal(job), HasSubstr("after_any"));
  job = make_job("b");
  job.last_commit = true;
  EXPECT_THAT(refusal(job), HasSubstr("chooses among commits"));
  EXPECT_THAT(refusal(with_priority(make_job("b"), 1001)), HasSubstr("priority must be"));
  job = make_job("b");
  job.time_limit_s = -1;
  EXPECT_THAT(refusal(job), HasSubstr("time_limit"));
}

// ---------------------------------------------------------------- choices of commits

wire::JobSpec scores(int every, bool last, bool newest_only = false) {
  wire::JobSpec spec = make_job("scores", "evaluate");
  spec.on_commit_of = "train";
  spec.commits_every = every;
  spec.last_commit = last;
  spec.newest_only = newest_only;
  return spec;
}

std::vector<std::string> instances(const State& state) {
  std::vector<std::string> names;
  for (const JobId id : state.templates.front().instances)
    names.push_back(state.jobs.at(id).spec.name);
  return names;
}

TEST_F(OrderTest, EveryNthCommit_AndTheLast) {
  submit({make_job("train"), scores(2, true)});
  join("a", 1);
  for (const std::uint64_t step : {10, 20, 30, 40, 50}) committed(1, 1, step);
  EXPECT_THAT(instances(state), ElementsAre("scores@20", "scores@40"));
  ended("a", 1, 1, Outcome::kSucceeded, 50);
  EXPECT_THAT(instances(state), ElementsAre("scores@20", "scores@40", "scores@50"));
}

TEST_F(OrderTest, LastCommit_ThatWasTakenAlready_IsNotTakenTwice) {
  submit({make_job("train"), scores(0, true), make_job("end", "train", 1, {"scores"})});
  join("a", 1);
  committed(1, 1, 10);
  ended("a", 1, 1, Outcome::kSucceeded, 10);
  EXPECT_THAT(instances(state), ElementsAre("scores@10"));
  EXPECT_EQ(state_of(2), "queued") << "the job after all evaluations waits for the last one too";
}

TEST_F(OrderTest, NewestOnly_OneThatWaitsGivesWay_AndNobodyMissesIt) {
  submit({make_job("train"), scores(0, false, true), make_job("end", "train", 1, {"scores"})});
  join("a", 1);
  for (const std::uint64_t step : {10, 20, 30}) committed(1, 1, step);
  EXPECT_EQ(state_of(3) + state_of(4) + state_of(5), "cancelledcancelledqueued");
  EXPECT_THAT(why(3), HasSubstr("a newer checkpoint came, of step 20"));
  ended("a", 1, 1, Outcome::kSucceeded, 30);
  ended("a", 5, 1, Outcome::kSucceeded);
  EXPECT_EQ(state_of(2), "starting");
}

TEST_F(OrderTest, EvaluationsThatFellBehind_StartWithTheFreshestCheckpoint) {
  submit({make_job("train"), scores(0, false), make_job("other")});
  join("a", 1);
  for (const std::uint64_t step : {10, 20, 30}) committed(1, 1, step);
  ended("a", 1, 1, Outcome::kSucceeded, 30);
  EXPECT_EQ(state_of(2), "starting") << "the older job";
  ended("a", 2, 1, Outcome::kSucceeded);
  EXPECT_EQ(state_of(5), "starting") << "step 30";
  ended("a", 5, 1, Outcome::kSucceeded);
  EXPECT_EQ(state_of(4), "starting") << "step 20";
}

TEST_F(OrderTest, ARestart_PutsEverybodyWhereHeStood) {
  submit({make_job("train"), scores(0, false), with_priority(make_job("x"), 3), make_job("y")});
  join("a", 1);
  for (const std::uint64_t step : {10, 20}) committed(1, 1, step);
  change(3, JobVerb::kHold);
  State again = state;
  build_index(again);
  EXPECT_EQ(again.index.ready.size(), state.index.ready.size());
  for (const auto& [shape, line] : state.index.ready)
    EXPECT_EQ(again.index.ready.at(shape).front(), line.front());
  EXPECT_EQ(again.index.slots_of, state.index.slots_of);
  EXPECT_EQ(again.index.holders_at, state.index.holders_at);
  EXPECT_EQ(again.index.durations, state.index.durations);
}

}  // namespace
}  // namespace tagalign::core
