// Gangs over the nodes of a real Slurm allocation, by srun and by mpirun: what dies takes all along.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/limits.h"
#include "tests/lab/gang_processes.h"
#include "tests/lab/slurm_test.h"

namespace tagalign::lab {
namespace {

using ::testing::HasSubstr;

class GangSlurmTest : public SlurmTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    SlurmTest::SetUp();
    if (IsSkipped()) return;
    SlurmTest::start({.nodes = 4, .cpus_per_node = 1, .gpus_per_node = 2});
    std::filesystem::create_directories(folder() / "work");
    tagalign({"coordinator", "start", "--pool", "none"});
  }
  void TearDown() override {
    if (IsSkipped()) return;
    tagalign({"coordinator", "stop", "--kill"});
    SlurmTest::TearDown();
  }

  std::string tagalign(std::vector<std::string> arguments) {
    std::vector<std::string> command = {program(), "--state", state_folder()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const auto output = slurm().run(command);
    return output.ok() ? output->output : output.status().message();
  }
  static std::string program() { return std::string(std::getenv("TAGALIGN_BIN")) + "/tagalign"; }
  std::string state_folder() const { return (folder() / "state").string(); }

  std::string agent_command() const {
    return program() + " --state " + state_folder() + " agent --pool box --launcher " + GetParam() +
           " --worker " + (test_programs() / "rank_program").string();
  }
  /// An agent on each node of one allocation; the allocation's number.
  std::string allocate(int nodes) {
    return sbatch({"--nodes=" + std::to_string(nodes), "--ntasks-per-node=1"},
                  "srun --kill-on-bad-exit=0 --wait=0 " + agent_command() + "\n");
  }
  std::uint32_t start_gang(int ranks, int nodes) {
    allocate(nodes);
    tagalign({"submit", write_endless_workflow(folder(), ranks).string()});
    return wait_for_ranks(ranks, 1);
  }

  std::vector<GangProcess> ranks_of(std::uint32_t attempt) const {
    std::vector<GangProcess> found = gang_processes(folder());
    std::erase_if(found, [&](const GangProcess& one) {
      return one.attempt != attempt || one.rank < 0 || one.program != "rank_program";
    });
    return found;
  }
  std::uint32_t wait_for_ranks(int ranks, std::uint32_t at_least) {
    std::uint32_t attempt = at_least;
    wait_for(
        [&] {
          for (attempt = at_least; attempt < at_least + 20; ++attempt) {
            if (std::ssize(ranks_of(attempt)) == ranks) return true;
          }
          return false;
        },
        format("{} ranks of attempt {} run", ranks, at_least));
    return attempt;
  }
  void expect_gone(std::uint32_t attempt, std::int64_t patience_ms) {
    wait_for([&] { return ranks_of(attempt).empty(); }, format("attempt {} is gone", attempt),
             patience_ms);
  }
};

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
  EXPECT_THAT(nodes, HasSubstr("min")) << "its end is known";
}

INSTANTIATE_TEST_SUITE_P(Launchers, GangSlurmTest, ::testing::Values("srun", "mpirun"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace tagalign::lab
