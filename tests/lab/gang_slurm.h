/// A coordinator beside a real Slurm, agents in its allocations, and ranks that only talk to their
/// agents (rank_program): for tests of gangs over an allocation's nodes.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/lab/gang_processes.h"
#include "tests/lab/slurm_test.h"

namespace tagalign::lab {

class GangSlurm : public SlurmTest {
 protected:
  /// Skipped, with what is missing, where no Slurm can be started.
  void set_up(const SlurmClusterOptions& options, std::string launcher) {
    SlurmTest::SetUp();
    if (IsSkipped()) return;
    launcher_ = std::move(launcher);
    SlurmTest::start(options);
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
    return program() + " --state " + state_folder() + " agent --pool box --launcher " + launcher_ +
           " --worker " + (test_programs() / "rank_program").string();
  }
  /// An agent of `slots` on each node of one allocation; the allocation's number.
  std::string allocate(int nodes, int slots = 1) {
    return sbatch(
        {format("--nodes={}", nodes), "--ntasks-per-node=1", format("--cpus-per-task={}", slots)},
        format("srun --kill-on-bad-exit=0 --wait=0 --cpus-per-task={} {} --slots {}\n", slots,
               agent_command(), slots));
  }
  void wait_for_agents(int count) {
    wait_for(
        [&] {
          const std::string nodes = tagalign({"--output", "json", "nodes"});
          int connected = 0;
          for (auto at = nodes.find("\"connected\""); at != std::string::npos;
               at = nodes.find("\"connected\"", at + 1)) {
            ++connected;
          }
          return connected >= count;
        },
        format("{} agents are there", count));
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

 private:
  std::string launcher_;  ///< "srun" or "mpirun"
};

/// Each test once with srun and once with mpirun.
class GangSlurmTest : public GangSlurm, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    set_up({.nodes = 4, .cpus_per_node = 1, .gpus_per_node = 2}, GetParam());
  }
};

}  // namespace tagalign::lab
