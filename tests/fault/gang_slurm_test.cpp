// Gangs over the nodes of a real Slurm allocation, by srun and by mpirun: what dies takes all along.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/lab/gang_slurm.h"

namespace tagalign::lab {
namespace {

using ::testing::HasSubstr;

TEST_P(GangSlurmTest, FourRanks_OnFourNodes_RunAndLeaveWell) {
  start_gang(4, 4);
  tagalign({"job", "cancel", "1"});
  wait_for(
      [&] {
        return tagalign({"job", "show", "1"}).find("state:        cancelled") != std::string::npos;
      },
      "the job is cancelled", 20'000);
  EXPECT_THAT(tagalign({"job", "show", "1"}), HasSubstr("saved and left"));
  EXPECT_TRUE(gang_processes(folder()).empty());
}

TEST_P(GangSlurmTest, Rank_Killed_EndsAllAndTheNextAttemptRuns) {
  const std::uint32_t attempt = start_gang(2, 2);
  ASSERT_EQ(::kill(ranks_of(attempt).back().pid, SIGKILL), 0);
  expect_gone(attempt, 1'500);
  wait_for_ranks(2, attempt + 1);
  EXPECT_THAT(tagalign({"job", "show", "1"}), HasSubstr("killed"));
}

TEST_P(GangSlurmTest, Allocation_Cancelled_AllIsGoneAndTheNextOneTakesOver) {
  const std::string allocation = allocate(2);
  tagalign({"submit", write_endless_workflow(folder(), 2).string()});
  const std::uint32_t attempt = wait_for_ranks(2, 1);
  ask({"scancel", allocation});
  expect_gone(attempt, 10'000);
  allocate(2);
  wait_for_ranks(2, attempt + 1);
}

TEST_P(GangSlurmTest, Agents_InAnAllocation_TakeEverythingFromSlurm) {
  const std::string allocation = sbatch({"--nodes=1", "--gpus-per-node=2", "--time=30"},
                                        "srun --gpus-per-node=2 " + agent_command() + "\n");
  std::string nodes;
  wait_for(
      [&] {
        nodes = tagalign({"--output", "json", "nodes"});
        return nodes.find("connected") != std::string::npos;
      },
      "the agent is there");
  EXPECT_THAT(nodes, HasSubstr("-" + allocation + "\""));
  EXPECT_THAT(nodes, HasSubstr("\"pool\":\"box\""));
  EXPECT_THAT(nodes, HasSubstr("\"gpus\":2"));
  EXPECT_THAT(nodes, HasSubstr("\"slots\":2"));
  EXPECT_THAT(nodes, HasSubstr("\"ends_in\":\"29 min")) << "its end is known";
}

INSTANTIATE_TEST_SUITE_P(Launchers, GangSlurmTest, ::testing::Values("srun", "mpirun"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace tagalign::lab
