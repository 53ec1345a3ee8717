// Jobs of which only so many are under way at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace tagalign::core {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using wire::JobVerb;
using wire::Outcome;

struct GroupsTest : testing::Test, Bench {
  static wire::JobSpec of(std::string name, int live_max, int ranks = 1) {
    wire::JobSpec spec = make_job(std::move(name), "train", ranks);
    spec.group = "tune";
    spec.group_live_max = live_max;
    return spec;
  }
  void submit_five(int live_max) {
    submit({of("a", live_max), of("b", live_max), of("c", live_max), of("d", live_max),
            of("e", live_max)});
  }
  void change(std::uint64_t job, JobVerb verb, std::optional<int> priority = {}) {
    give(JobChangeAsked{{job}, verb, {}, priority, {}});
  }
  std::vector<std::uint64_t> under_way() {
    std::vector<std::uint64_t> jobs;
    for (const auto& [id, job] : state.jobs) {
      if (holder(job) != nullptr) jobs.push_back(id.value);
    }
    return jobs;
  }
  std::string why(std::uint64_t id) { return explain(state, {id}, now).front(); }
};

TEST_F(GroupsTest, ManySlots_NoMoreThanTheBoundStart_InOrder) {
  join("n", 8);
  submit_five(2);
  EXPECT_THAT(under_way(), ElementsAre(1, 2));
  ended("n", 2, 1, Outcome::kSucceeded);
  EXPECT_THAT(under_way(), ElementsAre(1, 3)) << "the next in order, whichever has ended";
  ended("n", 3, 1, Outcome::kFailed, 0, 93);
  EXPECT_THAT(under_way(), ElementsAre(1, 4));
  change(1, JobVerb::kCancel);
  EXPECT_THAT(under_way(), ElementsAre(1, 4)) << "what leaves is still under way";
  ended("n", 1, 1, Outcome::kSavedAndLeft);
  EXPECT_THAT(under_way(), ElementsAre(4, 5));
}

TEST_F(GroupsTest, AttemptThatIsLost_KeepsItsSeat) {
  join("n", 8);
  submit_five(2);
  ended("n", 1, 1, Outcome::kLaunchFailed);
  EXPECT_THAT(under_way(), ElementsAre(2)) << "job 1 waits for its next attempt";
  now += limits::kLaunchRetryMs;
  give(TimePassed{});
  EXPECT_THAT(under_way(), ElementsAre(1, 2));
}

TEST_F(GroupsTest, HeldBeforeItsStart_LetsTheNextGo_AndComesBackInOrder) {
  submit_five(1);
  change(1, JobVerb::kHold);
  join("n", 8);
  EXPECT_THAT(under_way(), ElementsAre(2));
  change(1, JobVerb::kRelease);
  EXPECT_THAT(under_way(), ElementsAre(2));
  ended("n", 2, 1, Outcome::kSucceeded);
  EXPECT_THAT(under_way(), ElementsAre(1));
}

TEST_F(GroupsTest, PrioritySetLater_GoesFirst_AlsoBeforeOneThatStandsInLine) {
  submit_five(1);
  change(4, JobVerb::kSet, 3);
  join("n", 8);
  EXPECT_THAT(under_way(), ElementsAre(4));
}

TEST_F(GroupsTest, RevivedByAPerson_WaitsForASeat) {
  join("n", 8);
  submit_five(2);
  ended("n", 1, 1, Outcome::kFailed, 0, 93);
  EXPECT_THAT(under_way(), ElementsAre(2, 3));
  change(1, JobVerb::kRequeue);
  EXPECT_THAT(under_way(), ElementsAre(2, 3));
  ended("n", 2, 1, Outcome::kSucceeded);
  EXPECT_THAT(under_way(), ElementsAre(1, 3));
}

TEST_F(GroupsTest, TwoWorkflows_BoundOnlyThemselves) {
  join("n", 8);
  submit_five(1);
  submit_five(1);
  EXPECT_THAT(under_way(), ElementsAre(1, 6));
}

TEST_F(GroupsTest, OneThatWaitsForAnotherJob_HoldsNobodyUp) {
  join("n", 8);
  wire::JobSpec first = of("a", 1);
  first.after = {"data"};
  submit({make_job("data"), first, of("b", 1)});
  EXPECT_THAT(under_way(), ElementsAre(1, 3));
  ended("n", 1, 1, Outcome::kSucceeded);
  EXPECT_THAT(under_way(), ElementsAre(3));
  ended("n", 3, 1, Outcome::kSucceeded);
  EXPECT_THAT(under_way(), ElementsAre(2));
}

TEST_F(GroupsTest, Explain_NamesWhoIsUnderWay_AndWhenASeatIsExpected) {
  join("n", 8);
  submit_five(1);
  EXPECT_THAT(why(2),
              HasSubstr("waits for its turn: of sweep 'tune' 1 job may be under way at once: "
                        "'a' (job 1) is starting; none comes before it, and its turn is at a "
                        "time that nobody knows"));
  report("n", wire::AttemptStarted{{1}, {1}, 9, now});
  now += 10'000;
  report("n", wire::CheckpointCommitted{
                  {1}, {1}, {10, "/c/10", "d10", true}, wire::Pace{.steps_total = 40}});
  EXPECT_THAT(why(2), HasSubstr("its turn is expected in about 30.0 s"));
  EXPECT_THAT(why(3), HasSubstr("1 other before it, and its turn is at a time that nobody knows"));
}

TEST_F(GroupsTest, Restart_KeepsSeatsAndOrder) {
  join("n", 8);
  submit_five(2);
  ended("n", 1, 1, Outcome::kLaunchFailed);
  change(5, JobVerb::kSet, 1);
  const Index before = state.index;
  build_index(state);
  const Group& group = state.index.groups.begin()->second;
  EXPECT_THAT(group.seated, ElementsAre(JobId{1}, JobId{2}));
  EXPECT_EQ(group.next, before.groups.begin()->second.next);
  EXPECT_EQ(group.waiting, before.groups.begin()->second.waiting);
  EXPECT_EQ(state.index.ready.size(), before.ready.size());
}

// The seat of a later job may be counted before an earlier one asks for it.
TEST_F(GroupsTest, RestartWhileALaterJobRuns_PutsNobodyTooManyInLine) {
  submit_five(1);
  change(1, JobVerb::kHold);
  join("n", 8);
  change(1, JobVerb::kRelease);
  build_index(state);
  give(TimePassed{});
  EXPECT_THAT(under_way(), ElementsAre(2));
}

TEST_F(GroupsTest, WhatMakesNoSense_IsRefused) {
  const auto refusal = [](std::vector<wire::JobSpec> jobs) {
    return validate(make_workflow(std::move(jobs))).message();
  };
  EXPECT_THAT(refusal({of("a", 0)}), HasSubstr("group_live_max must be 1 to"));
  EXPECT_THAT(refusal({of("a", 1), of("b", 2)}), HasSubstr("give one number"));
  wire::JobSpec nameless = of("a", 1);
  nameless.group = "";
  EXPECT_THAT(refusal({nameless}), HasSubstr("expected a name"));
  wire::JobSpec follows = of("b", 1);
  follows.on_commit_of = "a";
  EXPECT_THAT(refusal({make_job("a"), follows}), HasSubstr("follows checkpoints"));
}

}  // namespace
}  // namespace tagalign::core
