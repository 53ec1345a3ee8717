// The rules of pools, one by one, with time as input.
#include <gmock/gmock.h>

#include "tests/unit/core/pools_world.h"

namespace tagalign::core {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kMinute = 60'000;

TEST(Pools, NoJobWaits_NothingIsSubmitted) {
  PoolBench bench;
  bench.add(slurm_pool());
  bench.pass(10 * kMinute);
  EXPECT_EQ(bench.count("sbatch"), 0);
  EXPECT_GE(bench.count("squeue"), 50);
}

TEST(Pools, JobWaits_BacklogIsAskedForAndNoMore) {
  PoolBench bench;
  bench.add(slurm_pool("a", 2, 4));
  for (int i = 0; i < 5; ++i) bench.submit_job();
  bench.pass(5 * kMinute);
  EXPECT_EQ(bench.queue.size(), 2u);
  EXPECT_THAT(bench.events(), HasSubstr("tagalign-a-1 (Slurm job 100) was submitted"));
}

TEST(Pools, OneJobWaits_OneAllocationIsEnough) {
  PoolBench bench;
  bench.add(slurm_pool("a", 3, 4));
  bench.submit_job();
  bench.pass(5 * kMinute);
  EXPECT_EQ(bench.queue.size(), 1u);
}

TEST(Pools, JobThatFitsNoAllocationOrNamesAnotherPool_CountsForNothing) {
  PoolBench bench;
  bench.add(slurm_pool());
  bench.submit_job(9);  // two nodes of four
  bench.submit_job(1, "other");
  bench.pass(5 * kMinute);
  EXPECT_EQ(bench.count("sbatch"), 0);
  bench.submit_job(8, "a");
  bench.pass(kMinute);
  EXPECT_EQ(bench.queue.size(), 1u);
}

TEST(Pools, CapIsReached_NoMoreIsAskedFor) {
  PoolBench bench;
  bench.add(slurm_pool("a", 1, 2));
  for (int i = 0; i < 40; ++i) bench.submit_job(4);
  for (int i = 0; i < 5; ++i) {
    bench.pass(kMinute);
    for (const QueueRow& row : std::vector(bench.queue)) {
      if (row.state != "PENDING") continue;
      bench.start(row.number);
      bench.pass(10'000);
      bench.join_from(row.number);
    }
  }
  EXPECT_EQ(bench.queue.size(), 2u);
  EXPECT_EQ(bench.count("sbatch"), 2);
}

TEST(Pools, Allocation_Idle_IsLeftAndThenCancelled) {
  PoolBench bench;
  bench.work_in("100", slurm_pool());
  ASSERT_EQ(bench.state_of(1), "starting");
  bench.pass(3 * kMinute);
  EXPECT_EQ(bench.queue.size(), 1u) << "it works";
  bench.report("n1-100", wire::AttemptEnded{{1}, {1}, wire::Outcome::kSucceeded});
  ASSERT_EQ(bench.state_of(1), "succeeded");
  bench.effects.clear();
  bench.pass(70'000);
  EXPECT_THAT(bench.effects, ::testing::Contains("shutdown@n1-100"));
  EXPECT_THAT(bench.effects, ::testing::Contains("shutdown@n2-100"));
  EXPECT_EQ(bench.queue.size(), 1u) << "agents have time to leave";
  bench.submit_job();
  EXPECT_EQ(bench.state_of(2), "queued") << "agents that leave get nothing";
  bench.pass(kMinute);
  EXPECT_EQ(bench.queue.size(), 1u) << "the next, for the new job";
  EXPECT_NE(bench.queue.front().number, "100");
  EXPECT_THAT(bench.events(), HasSubstr("nothing ran in it for"));
}

TEST(Pools, SbatchRefuses_WaitsOneMinuteTwoFourAndPausesWithTheReason) {
  PoolBench bench;
  bench.add(slurm_pool());
  bench.submit_job();
  std::vector<std::int64_t> waits;
  UnixMs last = bench.now;
  while (bench.wait_for("sbatch")) {
    waits.push_back((bench.now - last) / kMinute);
    last = bench.now;
    bench.refuse("invalid partition specified: nope");
  }
  EXPECT_EQ(waits, (std::vector<std::int64_t>{0, 1, 2, 4, 8, 16}));
  EXPECT_EQ(bench.pool().mode, PoolMode::kPaused);
  EXPECT_THAT(bench.pool().mode_reason, HasSubstr("invalid partition specified: nope"));
  EXPECT_THAT(bench.pool().mode_reason, HasSubstr("tagalign pool resume a"));
  bench.take(PoolVerbAsked{"a", wire::PoolVerb::kResume});
  EXPECT_TRUE(bench.wait_for("sbatch", kMinute));
}

TEST(Pools, BackOff_GrowsToOneHour) {
  const PoolPolicy policy;
  PoolBench bench;
  bench.mind.policy.pools.failures_max = 100;
  bench.add(slurm_pool());
  bench.submit_job();
  std::int64_t longest = 0;
  for (int i = 0; i < 9; ++i) {
    const UnixMs last = bench.now;
    ASSERT_TRUE(bench.wait_for("sbatch"));
    longest = bench.now - last;
    bench.refuse("no");
  }
  EXPECT_GE(longest, policy.back_off_ms_max);
  EXPECT_LE(longest, policy.back_off_ms_max + kMinute);
}

TEST(Pools, AllocationsDieBeforeAHello_CountAsFailures) {
  PoolBench bench;
  bench.add(slurm_pool());
  bench.submit_job();
  ASSERT_TRUE(bench.wait_for("sbatch"));
  bench.settle();
  bench.end("100", "FAILED");
  bench.pass(20'000);
  EXPECT_EQ(bench.pool().failures, 1);
  EXPECT_THAT(bench.events(), HasSubstr("ended before an agent of it said hello: FAILED"));
  EXPECT_EQ(bench.queue.size(), 0u);
  bench.pass(2 * kMinute);
  ASSERT_EQ(bench.queue.size(), 1u);
  bench.start("101");
  bench.pass(10'000);
  bench.join_from("101");
  bench.pass(2'000);
  EXPECT_EQ(bench.pool().failures, 0);
}

TEST(Pools, SqueueFails_ChangesNothingAndIsSaidOnce) {
  PoolBench bench;
  bench.add(slurm_pool());
  bench.submit_job();
  ASSERT_TRUE(bench.wait_for("sbatch"));
  bench.settle();
  const int before = bench.count("squeue");
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(bench.wait_for("squeue"));
    bench.lose("slurm_load_jobs error: Unable to contact slurm controller");
  }
  EXPECT_EQ(bench.pool().allocations.size(), 1u);
  const std::string events = bench.events();
  EXPECT_EQ(events.find("squeue failed"), events.rfind("squeue failed"));
  EXPECT_EQ(bench.count("sacct"), 0);
  EXPECT_EQ(bench.count("squeue"), before + 20);
  bench.pass(2 * kMinute);
  EXPECT_THAT(bench.events(), HasSubstr("squeue answers again"));
}

TEST(Pools, HalfAnAnswer_TakesNothingForGone) {
  PoolBench bench;
  bench.add(slurm_pool());
  bench.submit_job();
  ASSERT_TRUE(bench.wait_for("sbatch"));
  bench.settle();
  ASSERT_TRUE(bench.wait_for("squeue"));
  bench.answer({.message = "found '12|tag'", .complete = false});
  bench.second();
  EXPECT_EQ(bench.pool().allocations.size(), 1u);
  EXPECT_TRUE(bench.mind.pools.missing_since.empty());
}

TEST(Pools, UnknownState_IsKeptAsTextAndStillThere) {
  PoolBench bench;
  bench.add(slurm_pool());
  bench.submit_job();
  ASSERT_TRUE(bench.wait_for("sbatch"));
  bench.settle();
  bench.row("100").state = "TELEPORTING";
  bench.pass(2 * kMinute);
  ASSERT_EQ(bench.pool().allocations.size(), 1u);
  EXPECT_EQ(bench.pool().allocations.begin()->second.slurm_state, "TELEPORTING");
}

TEST(Pools, SbatchAnswerIsLost_TheJobIsFoundByItsName) {
  PoolBench bench;
  bench.add(slurm_pool());
  bench.submit_job();
  ASSERT_TRUE(bench.wait_for("sbatch"));
  bench.carry_out(bench.asked->what);
  bench.lose();
  bench.pass(kMinute);
  EXPECT_EQ(bench.queue.size(), 1u) << "not asked again";
  EXPECT_EQ(bench.pool().allocations.at("1").number, "100");
}

TEST(Pools, SbatchAnswerIsLostAndNoJobComes_IsAskedAgainAfterAWhile) {
  PoolBench bench;
  bench.add(slurm_pool());
  bench.submit_job();
  ASSERT_TRUE(bench.wait_for("sbatch"));
  bench.lose();
  bench.pass(2 * kMinute);
  EXPECT_EQ(bench.queue.size(), 0u) << "it might still come";
  bench.pass(3 * kMinute);
  EXPECT_EQ(bench.queue.size(), 1u);
  EXPECT_THAT(bench.events(), HasSubstr("tagalign-a-1 never came"));
}

TEST(Pools, Requeue_JoinsAgainAsNewAgents) {
  PoolBench bench;
  bench.work_in("100", slurm_pool());
  bench.pass(2'000);
  EXPECT_TRUE(bench.pool().allocations.at("1").joined);
  bench.row("100").state = "PENDING";
  bench.row("100").restarts = 1;
  bench.pass(11'000);
  for (const char* id : {"n1-100", "n2-100"}) bench.take(AgentLost{{id}});
  EXPECT_FALSE(bench.pool().allocations.at("1").joined);
  EXPECT_THAT(bench.events(), HasSubstr("was requeued by Slurm"));
  bench.start("100");
  bench.pass(11'000);
  bench.join_from("100", "a", "-r1");
  bench.pass(2'000);
  EXPECT_TRUE(bench.pool().allocations.at("1").joined);
  EXPECT_EQ(bench.queue.size(), 1u);
}

TEST(Pools, Restart_FindsAllocationsAndCancelsNone) {
  PoolBench bench;
  bench.add(slurm_pool());
  bench.submit_job();
  ASSERT_TRUE(bench.wait_for("sbatch"));
  bench.carry_out(bench.asked->what);  // Slurm took it; the coordinator dies before it hears that
  bench.restart();
  bench.pass(2 * kMinute);
  EXPECT_EQ(bench.queue.size(), 1u);
  EXPECT_EQ(bench.pool().allocations.at("1").number, "100");
  EXPECT_EQ(bench.count("scancel"), 0);
}

TEST(Pools, Removed_WhatItHasLeavesAndLateJobsAreCancelled) {
  PoolBench bench;
  bench.add(slurm_pool());
  bench.submit_job();
  ASSERT_TRUE(bench.wait_for("sbatch"));
  const SlurmCall late = bench.asked->what;
  bench.lose();
  bench.take(PoolVerbAsked{"a", wire::PoolVerb::kRemove});
  bench.pass(4 * kMinute);
  EXPECT_FALSE(bench.state.pool_records.contains("a"));
  bench.carry_out(late);
  bench.pass(kMinute);
  EXPECT_TRUE(bench.queue.empty()) << "what came too late is cancelled";
}

TEST(Pools, RemovedWhileItWorks_AgentsAreAskedFirst) {
  PoolBench bench;
  bench.work_in("100", slurm_pool());
  bench.pass(2'000);
  bench.effects.clear();
  bench.take(PoolVerbAsked{"a", wire::PoolVerb::kRemove});
  bench.pass(kMinute);
  EXPECT_THAT(bench.effects, ::testing::Contains("shutdown@n1-100"));
  EXPECT_EQ(bench.queue.size(), 1u);
  bench.end("100", "COMPLETED");
  bench.take(AgentLost{{"n1-100"}});
  bench.take(AgentLost{{"n2-100"}});
  bench.pass(kMinute);
  EXPECT_FALSE(bench.state.pool_records.contains("a"));
  EXPECT_EQ(bench.count("scancel"), 0);
}

TEST(Pools, Paused_AsksForNothingAndKeepsWhatIsThere) {
  PoolBench bench;
  bench.add(slurm_pool("a", 1, 4));
  bench.submit_job();
  bench.pass(20'000);
  bench.take(PoolVerbAsked{"a", wire::PoolVerb::kPause});
  for (int i = 0; i < 9; ++i) bench.submit_job(8);
  bench.start("100");
  bench.pass(10'000);
  bench.join_from("100");
  bench.pass(5 * kMinute);
  EXPECT_EQ(bench.queue.size(), 1u);
  EXPECT_EQ(bench.count("scancel"), 0);
}

TEST(Pools, CoordinatorStops_WhatWaitsInTheQueueIsCancelled) {
  PoolBench bench;
  bench.add(slurm_pool());
  bench.submit_job();
  bench.pass(20'000);
  ASSERT_EQ(bench.queue.size(), 1u);
  bench.take(StopRequested{});
  EXPECT_FALSE(pools_are_quiet(bench.mind, bench.state));
  bench.pass(20'000);
  EXPECT_TRUE(pools_are_quiet(bench.mind, bench.state));
  EXPECT_TRUE(bench.queue.empty());
}

TEST(Pools, CoordinatorStops_AllocationThatWorksUnknownToSqueueStays) {
  PoolBench bench;
  bench.add(slurm_pool());
  bench.submit_job();
  bench.pass(20'000);
  bench.join_from("100");  // squeue has shown it as pending when it was asked last
  ASSERT_EQ(bench.state_of(1), "starting");
  bench.take(StopRequested{});
  bench.second();
  ASSERT_EQ(bench.pool().allocations.size(), 1u);
  EXPECT_EQ(bench.pool().allocations.begin()->second.leaving_ms, 0);
}

TEST(Pools, NoJobWaitsAnyMore_PendingAllocationsGo) {
  PoolBench bench;
  bench.add(slurm_pool());
  bench.submit_job();
  bench.pass(20'000);
  bench.take(CancelRequested{{1}});
  bench.pass(2 * kMinute);
  EXPECT_TRUE(bench.queue.empty());
  EXPECT_EQ(bench.pool().failures, 0);
}

TEST(Pools, ManyEvents_OldestGo) {
  PoolBench bench;
  bench.add(slurm_pool());
  for (int i = 0; i < 200; ++i) {
    bench.take(PoolVerbAsked{"a", i % 2 == 0 ? wire::PoolVerb::kPause : wire::PoolVerb::kResume});
  }
  EXPECT_EQ(bench.pool().events.size(), PoolPolicy{}.events_max);
}

TEST(Pools, TwoPools_ShareOneSqueue) {
  PoolBench bench;
  bench.add(slurm_pool("a"));
  bench.add(slurm_pool("b"));
  bench.pass(10 * kMinute);
  EXPECT_LE(bench.count("squeue"), 62);
}

TEST(PoolNames, JobName_IsReadBack) {
  EXPECT_EQ(job_name_of("a-b.c", "17"), "tagalign-a-b.c-17");
  const auto name = read_job_name("tagalign-a-b.c-17");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->pool, "a-b.c");
  EXPECT_EQ(name->token, "17");
  for (const char* other : {"tagalign", "tagalign-", "tagalign-17", "bash", "tagalign-a-"}) {
    EXPECT_FALSE(read_job_name(other)) << other;
  }
}

}  // namespace
}  // namespace tagalign::core
