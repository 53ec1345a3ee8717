// What Slurm does to a training in its own time: minutes a test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/slurm_scripts_fixture.h"

namespace tagalign::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

INSTANTIATE_TEST_SUITE_P(SlurmTime, EachLauncher, ::testing::Values("srun", "mpirun"),
                         [](const auto& chosen) { return std::string(chosen.param); });

TEST_P(EachLauncher, TrainingOverFourNodes_HasTheBitsOfOneMachine) {
  prepare({.nodes = 4, .cpus_per_node = 1});
  const auto job = train(GetParam(), 4);
  wait_for_state(job, "COMPLETED", 180'000);
  expect_the_bits_of_a_calm_run(4);
}

TEST_P(EachLauncher, TrainingOfFourRanksOnTwoNodes_HasTheBitsOfOneMachine) {
  prepare({.nodes = 2, .cpus_per_node = 2});
  const auto job = train(GetParam(), 2, 2);
  wait_for_state(job, "COMPLETED", 180'000);
  expect_the_bits_of_a_calm_run(4);
}

TEST_P(EachLauncher, PreemptedTraining_IsSavedAndResumesToTheSameBits) {
  prepare({.nodes = 2, .cpus_per_node = 1});
  const auto job = train(GetParam());
  wait_for_training(job);
  preempt();
  wait_for([&] { return output(job).find("saved and left") != std::string::npos; }, "it saves");
  expect_resumed_to_the_same_bits(job);
}

TEST_F(SlurmScripts, PreemptedTrainingWhoseScriptGetsNoSignal_SavesAllTheSameUnderSrun) {
  prepare({.nodes = 2,
           .cpus_per_node = 1,
           .extra_lines = {"SlurmctldParameters=idle_on_node_suspend"}});
  const auto job = train("srun");
  wait_for_training(job);
  preempt();
  wait_for([&] { return output(job).find("saved and left") != std::string::npos; }, "it saves");
  EXPECT_THAT(output(job), Not(HasSubstr("asked to stop")));
  expect_resumed_to_the_same_bits(job);
}

TEST_P(EachLauncher, TrainingThatLosesANode_GoesOnOnOthersToTheSameBits) {
  prepare({.nodes = 3, .cpus_per_node = 1, .node_down_s = 4});
  const auto job = train(GetParam());
  wait_for([&] { return std::filesystem::exists(folder() / "run" / "step-00000150"); },
           "a checkpoint");
  ASSERT_TRUE(slurm().kill_node(2).ok());
  expect_resumed_to_the_same_bits(job);
}

/// The limit is a minute and Slurm looks every half minute: ranks that only wait stand in.
TEST_F(SlurmScripts, TimeLimit_IsForeseenAndTheTrainingRequeued) {
  start({.nodes = 2, .cpus_per_node = 1});
  write("worker",
        "#!/bin/bash\n"
        "[ ! -e saved ] || { echo done; exit 0; }\n"
        "trap 'touch saved; exit 75' USR1\n"
        "for i in {1..900}; do sleep 0.1; done\n");
  ask({"chmod", "+x", (folder() / "worker").string()});
  const auto job = sbatch({"--nodes=2", "--ntasks-per-node=1", "--time=1", "--signal=B:USR1@45",
                           "--export=ALL,TAGALIGN_WORKER=" + (folder() / "worker").string()},
                          script("train.sbatch"), {"train.yml"});
  wait_for_state(job, "COMPLETED", 180'000);
  EXPECT_THAT(output(job), HasSubstr("asked to stop"));
  EXPECT_THAT(output(job), HasSubstr("done\n"));
}

TEST_F(SlurmScripts, EvaluationThatIsAskedToStop_GoesOnWithTheSamePairAfterItsRequeue) {
  start({.nodes = 1, .cpus_per_node = 1});
  write("worker",
        "#!/bin/bash\n"
        "[ -e left ] && { echo counted; exit 0; }\n"
        "trap 'touch left; exit 75' USR1\n"
        "echo begins; for i in {1..900}; do sleep 0.1; done\n");
  ask({"chmod", "+x", (folder() / "worker").string()});
  const auto job = sbatch({"--array=0-0", "--output=" + (folder() / "array.txt").string(),
                           "--export=ALL,TAGALIGN_WORKER=" + (folder() / "worker").string()},
                          script("evaluate_array.sbatch"), {"a.yml", "b.yml", "--", "step-1"});
  const auto said = [&] {
    const auto text = posix_file_system().read_file(folder() / "array.txt", 1u << 20);
    return text.ok() ? *text : "";
  };
  wait_for([&] { return said().find("begins") != std::string::npos; }, "the first pair begins");
  ask_to_save(job);
  wait_for([&] { return said().find("b.yml on step-1\ncounted\n") != std::string::npos; },
           "both pairs are done");
  EXPECT_THAT(said(), HasSubstr("a.yml on step-1\ncounted\n"));
}

/// The shortest limit that Slurm knows is a minute, and it looks at limits twice a minute.
TEST_F(SlurmTest, SignalOption_SendsTheSignalAheadOfTheLimit) {
  start({.nodes = 1});
  const auto job = sbatch({"--time=1", "--signal=B:USR1@50"},
                          "trap 'echo after $SECONDS; exit' USR1\nsleep 100 & wait\n");
  wait_for_state(job, "COMPLETED");
  EXPECT_THAT(output(job), HasSubstr("after "));
}

TEST_F(SlurmTest, KilledSlurmd_TakesItsNodeDownAndComesBack) {
  start({.nodes = 2, .node_down_s = 4});
  ASSERT_TRUE(slurm().kill_slurmd(2).ok());
  wait_for([&] { return node_state("n2").starts_with("DOWN"); }, "n2 is down");
  EXPECT_EQ(node_state("n1"), "IDLE");
  ASSERT_TRUE(slurm().start_slurmd(2).ok());
  wait_for([&] { return node_state("n2") == "IDLE"; }, "n2 is idle again");
}

}  // namespace
}  // namespace tagalign::lab
