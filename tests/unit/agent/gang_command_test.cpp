#include "worker/agent/gangs/gang_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tagalign::agent {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using namespace std::string_literals;

wire::Launch launch() {
  return {.job = JobId{12},
          .attempt = Attempt{3},
          .job_name = "train-a",
          .kind = "train",
          .ranks = 2,
          .slots_per_rank = 4,
          .workspace = "/w",
          .config_yaml = "a: 1\n",
          .overrides = {"train.steps=10", "seed=3"}};
}

GangEnvironment environment() {
  return {.mpirun = "mpirun",
          .worker = "/b/tagalign-worker",
          .socket = "/s/ranks.sock",
          .agent_mark = "abc",
          .coordinator = "c0",
          .as_root = false,
          .gpus = std::nullopt};
}

TEST(GangCommand, Launch_AsUser_IsMpirunOnTheWorker) {
  EXPECT_THAT(
      gang_command(launch(), environment()),
      ElementsAre("mpirun", "-n", "2", "--bind-to", "none", "--oversubscribe", "/b/tagalign-worker",
                  "train", "--config", "/w/logs/train-a/attempt-3/config.yaml", "--set",
                  "train.steps=10", "--set", "seed=3"));
}

TEST(GangCommand, Launch_AsRoot_AllowsIt) {
  GangEnvironment root = environment();
  root.as_root = true;
  EXPECT_THAT(gang_command(launch(), root), Contains("--allow-run-as-root"));
  EXPECT_THAT(gang_process(launch(), root).environment,
              Contains(Pair("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")));
}

TEST(GangProcess, Launch_Environment_NamesAttemptAndSocket) {
  const ProcessOptions options = gang_process(launch(), environment());
  EXPECT_THAT(options.environment, Contains(Pair("TAGALIGN_AGENT_SOCKET", "/s/ranks.sock")));
  EXPECT_THAT(options.environment, Contains(Pair("TAGALIGN_COORDINATOR", "c0")));
  EXPECT_THAT(options.environment, Contains(Pair("TAGALIGN_JOB", "12")));
  EXPECT_THAT(options.environment, Contains(Pair("TAGALIGN_ATTEMPT", "3")));
  EXPECT_THAT(options.environment,
              Contains(Pair("TAGALIGN_LOG_FOLDER", "/w/logs/train-a/attempt-3")));
  EXPECT_THAT(options.environment, Contains(Pair("TAGALIGN_GANG", "abc-12-3.")));
  EXPECT_THAT(options.environment, Not(Contains(Key("OMP_NUM_THREADS"))));
  EXPECT_THAT(options.environment, Not(Contains(Key("CUDA_VISIBLE_DEVICES"))));
  EXPECT_TRUE(options.own_process_group);
  EXPECT_TRUE(options.die_with_parent);
  EXPECT_EQ(options.working_directory, Path("/w"));
}

/// Field case mpi-started-inside-mpirun.
TEST(GangProcess, Launch_InsideAnotherJob_TakesNothingOfItOver) {
  const auto drops = gang_process(launch(), environment()).drops;
  ASSERT_NE(drops, nullptr);
  for (const char* name : {"OMPI_UNIVERSE_SIZE", "OMPI_COMM_WORLD_RANK", "PMIX_NAMESPACE", "PMI_FD",
                           "OMPI_MCA_ess_base_jobid", "OMPI_MCA_orte_hnp_uri", "SLURM_PROCID",
                           "SLURM_CPUS_PER_TASK", "SLURM_TASKS_PER_NODE"})
    EXPECT_TRUE(drops(name)) << name;
  for (const char* name : {"OMPI_MCA_btl", "PATH", "SLURM_JOB_ID", "SLURM_CONF"})
    EXPECT_FALSE(drops(name)) << name;
}

TEST(GangProcess, Launch_InsideSlurm_StaysOnItsNode) {
  const auto variables = gang_process(launch(), environment()).environment;
  EXPECT_THAT(variables, Contains(Pair("OMPI_MCA_ras", "^slurm")));
  EXPECT_THAT(variables, Contains(Pair("OMPI_MCA_plm", "^slurm")));
}

TEST(GangProcess, Launch_WithScratch_KeepsMpisFilesThere) {
  GangEnvironment with_scratch = environment();
  with_scratch.scratch = "/m";
  const auto variables = gang_process(launch(), with_scratch).environment;
  EXPECT_THAT(variables, Contains(Pair("OMPI_MCA_orte_tmpdir_base", "/m/gang-12-3.")));
  EXPECT_THAT(variables, Contains(Pair("OMPI_MCA_btl_vader_backing_directory", "/m/gang-12-3.")));
}

TEST(GangProcess, Launch_WithGpus_ShowsOnlyThose) {
  GangEnvironment with_gpus = environment();
  with_gpus.gpus = {{"1", "3"}};
  EXPECT_THAT(gang_process(launch(), with_gpus).environment,
              Contains(Pair("CUDA_VISIBLE_DEVICES", "1,3")));
}

TEST(GangProcess, Launch_WhenAllGpusAreHeld_ShowsNone) {
  GangEnvironment without_free = environment();
  without_free.gpus = std::vector<std::string>{};
  EXPECT_THAT(gang_process(launch(), without_free).environment,
              Contains(Pair("CUDA_VISIBLE_DEVICES", "")));
}

/// Two ranks of four slots on each of two agents.
wire::Launch over_two_nodes(wire::GangLauncher launcher) {
  wire::Launch gang = launch();
  gang.ranks = 4;
  gang.launcher = launcher;
  gang.shares = {{AgentId{"a"}, 0, {0, 1, 2, 3, 4, 5, 6, 7}},
                 {AgentId{"b"}, 2, {2, 3, 4, 5, 6, 7, 8, 9}}};
  gang.places = {{.allocation = "4711", .node = "n1"}, {.allocation = "4711", .node = "n2"}};
  return gang;
}

GangEnvironment with_help() {
  GangEnvironment help = environment();
  help.tagalign = "/b/tagalign";
  help.scratch = "/shm/agent";
  help.common_scratch = "/shm/gangs";
  return help;
}

TEST(Part, OfAnAgent_IsItsShare) {
  const wire::Launch gang = over_two_nodes(wire::GangLauncher::kMpirun);
  EXPECT_TRUE(part_of(gang, {"a"}).is_head());
  const Part member = part_of(gang, {"b"});
  EXPECT_FALSE(member.is_head());
  EXPECT_EQ(member.first_rank, 2);
  EXPECT_EQ(member.ranks, 2);
  EXPECT_EQ(member.slots.front(), 2);
  EXPECT_EQ(part_of(gang, {"c"}).ranks, 0);
}

TEST(NodeName, OfAShare_LeadsBackToIt) {
  EXPECT_EQ(node_name(0), "localhost");
  EXPECT_EQ(share_of_node(node_name(3)), 3u);
  for (const char* other : {"localhost", "share", "share0", "share1x", "n1", ""}) {
    EXPECT_FALSE(share_of_node(other).has_value()) << other;
  }
}

TEST(GangCommand, OverNodes_MpirunNamesThemAndAsksTheAgents) {
  const wire::Launch gang = over_two_nodes(wire::GangLauncher::kMpirun);
  EXPECT_THAT(gang_command(gang, with_help()),
              ::testing::IsSupersetOf({"--host"s, "localhost:2,share1:2"s}));
  const auto variables = gang_process(gang, with_help()).environment;
  EXPECT_THAT(variables, Contains(Pair("OMPI_MCA_plm_rsh_agent", "/b/tagalign start-daemon")));
  EXPECT_THAT(variables, Contains(Pair("OMPI_MCA_plm", "rsh")));
  EXPECT_THAT(variables, Contains(Pair("TAGALIGN_LEAVE_CODE", "0")));
  EXPECT_THAT(variables, Contains(Pair("TMPDIR", "/shm/agent/gang-12-3.")));
  EXPECT_THAT(variables, Not(Contains(Key("OMPI_MCA_orte_tmpdir_base"))))
      << "mpirun would hand this node's folder on to the others";
  EXPECT_THAT(variables,
              Contains(Pair("OMPI_MCA_btl_vader_backing_directory", "/shm/gangs/c0-12-3.")));
}

TEST(GangCommand, OverNodes_SrunPlacesEachRank) {
  const wire::Launch gang = over_two_nodes(wire::GangLauncher::kSrun);
  EXPECT_THAT(gang_command(gang, with_help()),
              ::testing::IsSupersetOf({"srun"s, "--mpi=pmix"s, "--overlap"s, "--jobid=4711"s,
                                       "--nodes=2"s, "--ntasks=4"s, "--distribution=arbitrary"s,
                                       "/b/tagalign"s, "take-seat"s, "/b/tagalign-worker"s}));
  const auto variables = gang_process(gang, with_help()).environment;
  EXPECT_THAT(variables, Contains(Pair("SLURM_HOSTFILE", "/w/logs/train-a/attempt-3/hosts.txt")));
  EXPECT_THAT(variables, Contains(Pair("TAGALIGN_SEATS", "/shm/gangs/c0-12-3.")));
  EXPECT_THAT(variables, Not(Contains(Key("OMPI_MCA_plm_rsh_agent"))));
}

TEST(GangCommand, OnOneNode_SrunIsNotNeeded) {
  wire::Launch gang = launch();
  gang.launcher = wire::GangLauncher::kSrun;
  gang.shares = {{AgentId{"a"}, 0, {0, 1, 2, 3, 4, 5, 6, 7}}};
  EXPECT_EQ(gang_command(gang, with_help()).front(), "mpirun");
}

TEST(GangProcess, Interface_IsToldToAllThatChooseOne) {
  GangEnvironment named = with_help();
  named.interface = "ib0";
  const auto by_name = gang_process(over_two_nodes(wire::GangLauncher::kMpirun), named).environment;
  EXPECT_THAT(by_name, Contains(Pair("OMPI_MCA_btl_tcp_if_include", "ib0")));
  EXPECT_THAT(by_name, Contains(Pair("NCCL_SOCKET_IFNAME", "ib0")));
  named.interface = "10.0.0.0/24";
  const auto by_net = gang_process(over_two_nodes(wire::GangLauncher::kMpirun), named).environment;
  EXPECT_THAT(by_net, Contains(Pair("OMPI_MCA_oob_tcp_if_include", "10.0.0.0/24")));
  EXPECT_THAT(by_net, Not(Contains(Key("NCCL_SOCKET_IFNAME")))) << "it knows names only";
}

TEST(DaemonProcess, Command_RunsInAShellWithThisNodesVariables) {
  const ProcessOptions options = daemon_process(over_two_nodes(wire::GangLauncher::kMpirun),
                                                with_help(), {"b"}, "orted -x \"1\"");
  EXPECT_THAT(options.command, ElementsAre("/bin/sh", "-c", "exec orted -x \"1\""));
  EXPECT_THAT(options.environment, Contains(Pair("TAGALIGN_GANG", "abc-12-3.")));
  EXPECT_THAT(options.environment, Contains(Pair("TAGALIGN_AGENT_SOCKET", "/s/ranks.sock")));
  EXPECT_TRUE(options.die_with_parent);
  EXPECT_EQ(options.stdout_file, Path("/w/logs/train-a/attempt-3/daemon-b.log"));
}

TEST(DescribeGang, TwoNodes_AreNamedWithRanksAndSlots) {
  EXPECT_EQ(describe_gang(over_two_nodes(wire::GangLauncher::kSrun), with_help()),
            "4 ranks on 2 nodes by srun; a: ranks 0 to 1, slots 0,1,2,3,4,5,6,7; b: ranks 2 to 3, "
            "slots 2,3,4,5,6,7,8,9; interface chosen by MPI");
}

}  // namespace
}  // namespace tagalign::agent
