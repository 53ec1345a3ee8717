// Which agents of a pool take work, and that they keep it.
#include <gmock/gmock.h>

#include "tests/unit/core/pools_world.h"

namespace tagalign::core {
namespace {

/// The pool's one allocation, of two nodes with four slots each, has been idle for too long. Two other
/// agents, which do not reach each other, have four slots each.
struct LeavingBench : PoolBench {
  LeavingBench() {
    work_in("100", slurm_pool("a", 1, 1));
    report("n1-100", wire::AttemptEnded{{1}, {1}, wire::Outcome::kSucceeded});
    effects.clear();
    pass(70'000);
    EXPECT_THAT(effects, ::testing::Contains("shutdown@n1-100"));
    for (const std::string pool : {"", "b"}) {
      wire::AgentHello hello{{"elsewhere" + pool}, "i", "host", 4, 0, 1, {}, 1};
      hello.place.pool = pool;
      take(AgentJoined{hello});
    }
  }
};

TEST(PoolPlacement, JobThatNamesThePool_GetsNothingOfAnAllocationThatLeaves) {
  LeavingBench bench;
  bench.submit_job(1, "a");
  EXPECT_EQ(bench.state_of(2), "queued");
}

TEST(PoolPlacement, GangOverNodes_GetsNothingOfAnAllocationThatLeaves) {
  LeavingBench bench;
  bench.submit_job(5);
  EXPECT_EQ(bench.state_of(2), "queued");
}

TEST(PoolPlacement, GangOverNodes_TakesTheNextAllocation) {
  LeavingBench bench;
  bench.submit_job(5, "a");
  ASSERT_TRUE(bench.wait_for("sbatch"));
  bench.settle();
  bench.start("101");
  bench.pass(10'000);
  bench.join_from("101");
  EXPECT_EQ(bench.state_of(2), "starting");
}

TEST(PoolPlacement, AllocationWhoseNumberComesWhileItLeaves_TakesItsAgentsOutOfTheIndex) {
  PoolBench bench;
  bench.add(slurm_pool("a", 1, 1));
  bench.submit_job();
  ASSERT_TRUE(bench.wait_for("sbatch"));
  const SlurmAnswered late = bench.carry_out(bench.asked->what);
  bench.take(PoolVerbAsked{"a", wire::PoolVerb::kRemove});
  bench.second();
  bench.join_from("100");
  bench.answer(late);
  ASSERT_EQ(bench.pool().allocations.at("1").number, "100");
  ASSERT_NE(bench.pool().allocations.at("1").leaving_ms, 0);
  EXPECT_TRUE(bench.state.index.free_of.empty()) << "they leave with it";
}

TEST(PoolPlacement, AgentsComeBeforeSqueueAnswers_TheirAllocationIsNotUnneeded) {
  PoolBench bench;
  bench.add(slurm_pool("a", 1, 1));
  bench.submit_job();
  ASSERT_TRUE(bench.wait_for("sbatch"));
  bench.settle();
  bench.pass(10'000);
  bench.join_from("100");
  ASSERT_EQ(bench.state_of(1), "starting");
  for (const UnixMs end = bench.now + 300'000; bench.now < end; bench.second()) {
    if (bench.asked) bench.lose();
  }
  EXPECT_EQ(bench.count("scancel"), 0);
  EXPECT_EQ(bench.pool().allocations.at("1").leaving_ms, 0) << bench.events();
}

}  // namespace
}  // namespace tagalign::core
