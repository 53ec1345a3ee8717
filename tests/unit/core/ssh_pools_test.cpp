// The rules of pools of hosts that are reached by ssh, with time as input.
#include <gmock/gmock.h>

#include "tests/unit/core/pools_world.h"

namespace tagalign::core {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kMinute = 60'000;

TEST(SshPool, EachHost_IsStartedAndStartedAgain) {
  PoolBench bench;
  bench.add(
      {"lab", wire::GangLauncher::kMpirun, wire::SshSource{{{"h1", 2}, {"me@h2", 0}}, "/s", "t"}});
  bench.pass(2'000);
  EXPECT_THAT(bench.effects, ::testing::IsSupersetOf({"ssh h1", "ssh me@h2"}));
  wire::AgentHello hello{{"lab-h1"}, "i", "h1", 2, 0, 1, {}, 1};
  hello.place.pool = "lab";
  bench.take(AgentJoined{hello});
  bench.pass(2'000);
  EXPECT_THAT(bench.events("lab"), HasSubstr("h1 works"));
  for (int i = 0; i < 6; ++i) {
    bench.effects.clear();
    bench.take(SshAgentEnded{"lab", "me@h2", "exit code 255"});
    EXPECT_THAT(bench.effects, Not(::testing::Contains("ssh me@h2")));
    bench.pass(kMinute * (1 << i) + 2'000);
  }
  EXPECT_EQ(bench.pool("lab").mode, PoolMode::kPaused);
  EXPECT_THAT(bench.pool("lab").mode_reason, HasSubstr("exit code 255"));
  EXPECT_EQ(bench.count("squeue"), 0) << "Slurm has no part in it";
}

TEST(SshPool, Removed_AgentLeavesAndThePoolIsGone) {
  PoolBench bench;
  bench.add({"lab", wire::GangLauncher::kMpirun, wire::SshSource{{{"h1", 2}}, "/s", "t"}});
  bench.pass(2'000);
  bench.take(PoolVerbAsked{"lab", wire::PoolVerb::kRemove});
  bench.pass(2'000);
  EXPECT_THAT(bench.effects, ::testing::Contains("end ssh h1"));
  bench.take(SshAgentEnded{"lab", "h1", "killed"});
  bench.pass(2'000);
  EXPECT_FALSE(bench.state.pool_records.contains("lab"));
}

}  // namespace
}  // namespace tagalign::core
