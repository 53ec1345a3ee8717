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

}  // namespace
}  // namespace tagalign::agent
