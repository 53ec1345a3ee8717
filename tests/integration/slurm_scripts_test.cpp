// The scripts of slurm/ on a real Slurm: two virtual nodes, real ranks, and what Slurm does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "base/process.h"
#include "tests/integration/slurm_scripts_fixture.h"

namespace tagalign::lab {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

INSTANTIATE_TEST_SUITE_P(SlurmScripts, EachLauncher, ::testing::Values("srun", "mpirun"),
                         [](const auto& chosen) { return std::string(chosen.param); });

TEST_P(EachLauncher, TrainingThatIsAskedToSave_IsRequeuedAndResumesToTheSameBits) {
  prepare({.nodes = 2, .cpus_per_node = 1});
  const auto job = train(GetParam());
  wait_for_training(job);
  ask_to_save(job);
  expect_resumed_to_the_same_bits(job);
}

TEST_F(SlurmScripts, SlurmdThatIsKilledAndComesBack_DoesNotDisturbTheTraining) {
  prepare({.nodes = 2, .cpus_per_node = 1});
  const auto job = train("srun");
  wait_for_training(job);
  ASSERT_TRUE(slurm().kill_slurmd(2).ok());
  ASSERT_TRUE(slurm().start_slurmd(2).ok());
  wait_for_state(job, "COMPLETED");
  EXPECT_EQ(job_field(slurm(), job, "Restarts"), "0");
  EXPECT_NE(manifest("run"), "");
}

TEST_F(SlurmScripts, CancelledTraining_StaysCancelledAndLeavesNoRank) {
  prepare({.nodes = 2, .cpus_per_node = 1});
  const auto job = train("mpirun");
  wait_for_training(job);
  ask({"scancel", job});
  wait_for_state(job, "CANCELLED");
  wait_for([&] { return ask({"squeue", "--noheader"}).empty(); }, "the queue is empty");
  const auto ranks = slurm().container().run(
      {"sh", "-c",
       "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c 'train --config'"},
      10'000);
  ASSERT_TRUE(ranks.ok());
  EXPECT_EQ(ranks->output, "1\n") << "this search alone names it";
  EXPECT_THAT(job_field(slurm(), job, "Restarts"), AnyOf("0", ""));
}

/// Each agent can hold the whole gang; Slurm's signal comes while it trains.
/// Its training spans both nodes.
TEST_F(SlurmScripts, WorkflowThatIsRequeued_GoesOnWithItsStateToTheEnd) {
  start({.nodes = 2, .cpus_per_node = 1});
  write("workflow.yml", small_workflow());
  const auto job = sbatch({"--nodes=2", "--cpus-per-task=1",
                           format("--export=ALL,TAGALIGN={},TAGALIGN_STATE={}", program("tagalign"),
                                  (folder() / "state").string())},
                          script("tagalign.sbatch"),
                          {"workflow.yml", "--workspace", (folder() / "work").string()});
  wait_for([&] { return std::filesystem::exists(folder() / "work" / "run" / "step-00000150"); },
           "a checkpoint");
  ask_to_save(job);
  wait_for([&] { return job_field(slurm(), job, "Restarts") == "1"; }, "requeued");
  wait_for_state(job, "COMPLETED");
  EXPECT_THAT(output(job), AllOf(HasSubstr("agent n1-"), HasSubstr("agent n2-"),
                                 HasSubstr("2 ranks on 2 nodes by mpirun"),
                                 HasSubstr("time is nearly over"), HasSubstr("mIoU")));
  EXPECT_TRUE(std::filesystem::exists(folder() / "work" / "run" / kLastStep));
}

TEST_F(SlurmScripts, EvaluationArray_GivesTheTableOfResultsFromFiles) {
  prepare({.nodes = 2, .cpus_per_node = 1});
  worker("train --config train.yml --set checkpoint.directory=run --set steps=300");
  for (const std::string stride : {"16", "32"}) {
    write(
        "stride" + stride + ".yml",
        format("clip: {{weights: clip.safetensors}}\ndatasets: [{{name: val{0}, root: scenes/val, "
               "short_side: 48, window: 32, stride: {0}}}]\n",
               stride));
  }
  const std::vector<std::string> options = {
      "--array=0-1", "--export=ALL,TAGALIGN_WORKER=" + program("tagalign-worker")};
  const std::vector<std::string> arguments = {"stride16.yml", "stride32.yml", "--",
                                              "run/step-00000150", "run/step-00000300"};
  sbatch(options, script("evaluate_array.sbatch"), arguments);
  wait_for([&] { return ask({"squeue", "--noheader"}).empty(); }, "the array has ended");
  const auto table = run_command(
      {program("tagalign"), "results", "--from", (folder() / "results").string()}, 30'000);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->exit.code, 0) << table->output;
  EXPECT_THAT(table->output, AllOf(HasSubstr("val16"), HasSubstr("val32"), HasSubstr("150"),
                                   HasSubstr("300"), Not(HasSubstr(" -"))));
}

}  // namespace
}  // namespace tagalign::lab
