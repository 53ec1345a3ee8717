// The fixture itself: is it a Slurm, and does it go away?
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "base/clock.h"
#include "base/format.h"
#include "tests/lab/slurm_test.h"

namespace tagalign::lab {
namespace {

using ::testing::HasSubstr;

TEST(SlurmConf, LinesOfATest_ReplaceWhatTheyName) {
  const SlurmPlaces places{
      .folder = "/f", .host = "here", .controller_port = 1, .node_ports = {2, 3}};
  const std::string conf =
      slurm_conf({.nodes = 2, .extra_lines = {"KillWait=77", "MaxJobCount=9"}}, places);
  EXPECT_THAT(conf, HasSubstr("\nKillWait=77\n"));
  EXPECT_THAT(conf, ::testing::Not(HasSubstr("KillWait=5")));
  EXPECT_THAT(conf, HasSubstr("\nMaxJobCount=9\n"));
  EXPECT_THAT(conf, HasSubstr("NodeName=n2 NodeHostname=here NodeAddr=127.0.0.1 Port=3 CPUs=2\n"));
}

using SlurmClusterTest = SlurmTest;

/// Command lines of all processes of this machine that hold `text`.
std::vector<std::string> processes_naming(const std::string& text) {
  std::vector<std::string> lines;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto line = posix_file_system().read_file(entry.path() / "cmdline", 1u << 20);
    if (line.ok() && line->find(text) != std::string::npos) lines.push_back(*line);
  }
  return lines;
}

TEST_F(SlurmClusterTest, FourNodes_AreIdleAndRunAJob) {
  start({});
  EXPECT_EQ(ask({"sinfo", "--noheader", "--Node", "--partition=low", "--format=%N %T %c"}),
            "n1 idle 2\nn2 idle 2\nn3 idle 2\nn4 idle 2");
  const auto job = sbatch({"--nodes=3"}, "srun sh -c 'echo $SLURMD_NODENAME'\n");
  wait_for_state(job, "COMPLETED");
  const std::string said = output(job);
  for (const char* node : {"n1", "n2", "n3"}) EXPECT_THAT(said, HasSubstr(node));
}

TEST_F(SlurmClusterTest, Gpus_AreHandedOutByNumber) {
  start({.nodes = 1, .cpus_per_node = 4, .gpus_per_node = 4});
  const auto job = sbatch({"--gpus-per-node=2"},
                          "echo $SLURM_GPUS_ON_NODE on $CUDA_VISIBLE_DEVICES; sleep 0.1\n");
  wait_for_state(job, "COMPLETED");
  EXPECT_EQ(output(job), "2 on 0,1\n");
}

TEST_F(SlurmClusterTest, JobOfTheLowPartition_IsWarnedAndRequeuedForOneOfTheHigh) {
  start({.nodes = 1, .cpus_per_node = 1, .grace_s = 5});
  const auto low = sbatch({"--requeue", "--signal=B:USR1@60", "--open-mode=append"},
                          "trap 'echo warned' USR1\n"
                          "[ ${SLURM_RESTART_COUNT:-0} -eq 0 ] || { echo again; exit; }\n"
                          "echo began\n"
                          "while true; do sleep 60 & wait; done\n");
  wait_for([&] { return output(low) == "began\n"; }, "the job begins");
  const auto high = sbatch({"--partition=high"}, "true\n");
  wait_for_state(high, "COMPLETED");
  EXPECT_THAT(output(low), HasSubstr("began\nwarned\n"));
  wait_for_state(low, "COMPLETED");
  EXPECT_THAT(output(low), HasSubstr("again\n"));
}

TEST_F(SlurmClusterTest, DestroyedCluster_LeavesNoProcess) {
  start({.nodes = 1});
  const auto job = sbatch({}, "sleep 1000 & echo $$; wait\n");
  wait_for_state(job, "RUNNING");
  const pid_t first = slurm().container().first_process();
  ASSERT_EQ(::kill(first, 0), 0);
  stop();
  EXPECT_EQ(::kill(first, 0), -1);
  EXPECT_EQ(processes_naming(folder().string()), std::vector<std::string>());
}

}  // namespace
}  // namespace tagalign::lab
