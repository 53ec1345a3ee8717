// What is measured of a job decides where an allocation's end lets it start, and when it must save.
#include <gmock/gmock.h>

#include "base/limits.h"
#include "coordinator/core/decide/runway.h"
#include "coordinator/core/pools/serve.h"
#include "tests/unit/core/pools_world.h"

namespace tagalign::core {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kMinute = 60'000;

struct Runway : Bench {
  /// An agent of one slot whose allocation ends then; 0: never.
  void join_until(std::string name, UnixMs ends_ms) {
    wire::AgentHello hello{{std::move(name)}, "i", "host", 1, 0, 1, {}, 1};
    hello.place.pool = "x";
    hello.place.allocation = "7";
    hello.place.ends_ms = ends_ms;
    give(AgentJoined{hello});
  }
  void train() { give(WorkflowSubmitted{"t", make_workflow({make_job("j", "train")})}); }
  void commit(std::string agent, wire::Pace pace) {
    report(std::move(agent), wire::CheckpointCommitted{{1}, {1}, {5, "/c/5", "d5", true}, pace});
  }
};

TEST(RunwayOf, JobThatWasNotMeasured_NeedsTheDefaults) {
  const Job fresh;
  EXPECT_EQ(runway_ms(fresh), limits::kStartMsUnmeasured + limits::kLeaveBeforeEndMs);
  EXPECT_EQ(save_grace_ms(fresh), limits::kSaveAndLeaveMsMax);
}

TEST(RunwayOf, QuickJob_StartsLaterThanTheDefaultsAllow) {
  Job quick;
  quick.pace = {2'000, 100, 300};
  EXPECT_EQ(runway_ms(quick), 4'000 + limits::kLeaveBeforeEndMs);
}

TEST(RunwayOf, SlowSaves_AskForMoreTimeUpToTheMaximum) {
  Job slow;
  slow.pace = {90'000, 20'000, 180'000};
  EXPECT_EQ(save_grace_ms(slow), 400'000);
  EXPECT_EQ(runway_ms(slow), 180'000 + 400'000 + limits::kLeaveMarginMs);
  slow.pace.save_ms = 100 * kMinute;
  EXPECT_EQ(runway_ms(slow), 180'000 + limits::kLeaveBeforeEndMsMax);
  EXPECT_EQ(save_grace_ms(slow), limits::kLeaveBeforeEndMsMax - limits::kLeaveMarginMs);
}

TEST(Runway, JobThatSavesSlowly_IsAskedToLeaveEarlierAndGivenItsTime) {
  Runway bench;
  const UnixMs ends_ms = bench.now + 30 * kMinute;
  bench.join_until("a", ends_ms);
  bench.train();
  ASSERT_EQ(bench.state_of(1), "starting");
  bench.commit("a", {90'000, 20'000, 180'000});
  const UnixMs due_ms = ends_ms - 400'000 - limits::kLeaveMarginMs;
  bench.effects.clear();
  bench.now = due_ms - 1;
  bench.give(TimePassed{});
  EXPECT_THAT(bench.effects, Not(Contains("shutdown@a")));
  bench.now = due_ms;
  bench.give(TimePassed{});
  EXPECT_THAT(bench.effects, Contains("shutdown@a"));
}

/// The agent that ends later has a job that saves slowly.
TEST(Runway, NextDeadline_IsThatOfTheSlowSaverThoughItsAgentEndsLater) {
  Runway bench;
  const UnixMs begin_ms = bench.now;
  bench.join_until("slow", begin_ms + 25 * kMinute);
  bench.train();
  bench.report("slow", wire::AttemptStarted{{1}, {1}, 7, begin_ms});
  ASSERT_EQ(bench.state_of(1), "running");
  bench.commit("slow", {90'000, 20'000, 300'000});
  bench.join_until("soon", begin_ms + 20 * kMinute);
  bench.now += kMinute;
  bench.give(TimePassed{});
  EXPECT_EQ(next_deadline(bench.mind, bench.state),
            begin_ms + 25 * kMinute - 640'000 - limits::kLeaveMarginMs);
}

TEST(Runway, JobThatWasMeasured_IsNotStartedWhereItCouldNotBank) {
  Runway bench;
  bench.join_until("a", 0);
  bench.train();
  bench.commit("a", {90'000, 20'000, 180'000});
  bench.ended("a", 1, 1, wire::Outcome::kSavedAndLeft);
  bench.give(AgentLost{{"a"}});
  bench.now += 5'000;
  ASSERT_EQ(bench.state_of(1), "queued");
  const std::int64_t needs_ms = runway_ms(bench.job(1));
  bench.join_until("b", bench.now + needs_ms - 1);
  EXPECT_EQ(bench.state_of(1), "queued");
  EXPECT_THAT(
      explain(bench.state, {1}, bench.now),
      Contains(HasSubstr("and the job needs 10 min 10 s to start, bank a checkpoint and leave")));
  bench.join_until("c", bench.now + needs_ms);
  EXPECT_EQ(bench.state_of(1), "starting");
}

TEST(Runway, PoolWhoseAllocationsAreTooShort_IsNotAskedForTheJob) {
  PoolBench bench;
  wire::PoolSpec spec = slurm_pool();
  std::get<wire::SlurmSource>(spec.source).time_limit_s = 209;
  bench.add(spec);
  bench.submit_job();
  bench.pass(kMinute);
  EXPECT_EQ(bench.count("sbatch"), 0) << "60 s to start and 150 s to leave";
}

TEST(Runway, SignalOfSlurmThatComesEarlier_IsTheEndToPlanWith) {
  PoolBench bench;
  wire::PoolSpec spec = slurm_pool();
  std::get<wire::SlurmSource>(spec.source).signal_before_end_s = 250;
  bench.add(spec);
  wire::AgentHello hello{{"a"}, "i", "host", 1, 0, 1, {}, 1};
  hello.place.pool = "a";
  hello.place.ends_ms = bench.now + 10 * kMinute;
  bench.take(AgentJoined{hello});
  EXPECT_EQ(planned_end_ms(bench.state, bench.state.agents.at({"a"})),
            hello.place.ends_ms - 100'000);
}

TEST(Runway, LateCommitOfAQueuedJob_CountsForItsNextStart) {
  Runway bench;
  bench.join("a", 1);
  bench.train();
  bench.give(AgentLost{{"a"}});
  bench.join("a", 0, {{{1}, {1}}});
  ASSERT_EQ(bench.state_of(1), "queued");
  bench.commit("a", {90'000, 20'000, 180'000});
  bench.join_until("b", bench.now + runway_ms(bench.job(1)) - 1);
  EXPECT_EQ(bench.state_of(1), "queued");
  bench.join_until("c", 0);
  EXPECT_EQ(bench.state_of(1), "starting");
}

}  // namespace
}  // namespace tagalign::core
