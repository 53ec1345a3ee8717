// The scripts of slurm/ on a real Slurm: two virtual nodes, real ranks, and what Slurm does to them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/clock.h"
#include "base/format.h"
#include "tests/lab/slurm_test.h"

namespace tagalign::lab {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kScenes[] =
    "output: scenes\ntrain_count: 32\ntrain_size: 32\n"
    "validation: [{name: val, count: 4, size: 48, look: day}]\n";
constexpr char kData[] =
    "data: {root: scenes/train/images, captions: scenes/train/captions.csv, tags: "
    "scenes/train/tags.json, tag_names: scenes/tag_names.txt, image_size: 32}\n"
    "augment: {scale_min: 0.5, rand_augment: \"\", erase: 0.0}\n";
constexpr char kClip[] =
    "checkpoint: {directory: clip_checkpoints, every_steps: 1000}\nvision_width: 64\n"
    "vision_layers: 7\npatch_size: 8\ntext_width: 64\ntext_layers: 1\nembed_dim: 32\n"
    "global_batch: 8\nsteps: 3\n";
/// Some seconds on two ranks: long enough to be met in the middle.
constexpr char kTrain[] =
    "runtime: {log_every_steps: 20}\nclip: {weights: clip.safetensors}\n"
    "optimizer: {base_lr: 1.0e-3, lr_reference_batch: 16}\n"
    "checkpoint: {every_steps: 150, keep_last: 0}\nglobal_batch: 16\nsteps: 450\n";
constexpr char kLastStep[] = "step-00000450";

class SlurmScripts : public SlurmTest {
 protected:
  void prepare(const SlurmClusterOptions& options) {
    start(options);
    write("scenes.yml", kScenes);
    write("clip.yml", std::string(kData) + kClip);
    write("train.yml", std::string(kData) + kTrain);
    worker("scenes --config scenes.yml && $WORKER pretrain --config clip.yml");
  }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder() / name) << text;
  }
  static std::string program(const std::string& name) {
    return std::string(std::getenv("TAGALIGN_BIN")) + "/" + name;
  }
  static std::string script(const std::string& name) {
    return std::string(std::getenv("TAGALIGN_SOURCE")) + "/slurm/" + name;
  }

  void worker(const std::string& words) {
    const auto done =
        slurm().run({"env", "--chdir", folder().string(), "WORKER=" + program("tagalign-worker"),
                     "bash", "-c", "$WORKER " + words},
                    120'000);
    ASSERT_TRUE(done.ok()) << done.status().message();
    ASSERT_TRUE(done->exit.ok()) << done->output;
  }

  std::string train(const std::string& launcher, std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"--nodes=2", "--ntasks-per-node=1",
                                     format("--export=ALL,LAUNCHER={},TAGALIGN_WORKER={}", launcher,
                                            program("tagalign-worker"))});
    return sbatch(options, script("train.sbatch"),
                  {"train.yml", "--set", "checkpoint.directory=run"});
  }

  /// Steps have been done since the job's last start.
  void wait_for_training(const std::string& job) {
    wait_for([&] { return output(job).find("train: step 20 ") != std::string::npos; },
             "the training runs");
  }

  /// The manifest names the digests of all shards.
  std::string manifest(const std::string& run) const {
    std::ifstream file(folder() / run / kLastStep / "manifest.json");
    return {(std::istreambuf_iterator<char>(file)), {}};
  }

  /// Saved ahead of its end, resumed once, and the same bits as a run that nobody disturbed.
  void expect_resumed_to_the_same_bits(const std::string& job) {
    wait_for_state(job, "COMPLETED");
    EXPECT_THAT(output(job), HasSubstr("resumed from")) << output(job);
    EXPECT_EQ(job_field(slurm(), job, "Restarts"), "1");
    worker(
        "probe > /dev/null; mpirun -n 2 --bind-to none $WORKER train --config train.yml --set "
        "checkpoint.directory=calm");
    ASSERT_NE(manifest("calm"), "");
    EXPECT_EQ(manifest("run"), manifest("calm"));
  }

  /// What --signal=B:USR1@… sends ahead of the limit.
  void ask_to_save(const std::string& job) { ask({"scancel", "--batch", "--signal=USR1", job}); }

  /// Runs at once, and needs what the job of the low partition has.
  void preempt() { sbatch({"--partition=high", "--nodes=2"}, "sleep 1\n"); }
};

class EachLauncher : public SlurmScripts, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(SlurmScripts, EachLauncher, ::testing::Values("srun", "mpirun"),
                         [](const auto& chosen) { return std::string(chosen.param); });

TEST_P(EachLauncher, TrainingThatIsAskedToSave_IsRequeuedAndResumesToTheSameBits) {
  prepare({.nodes = 2, .cpus_per_node = 1});
  const auto job = train(GetParam());
  wait_for_training(job);
  ask_to_save(job);
  expect_resumed_to_the_same_bits(job);
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

TEST_P(EachLauncher, CancelledTraining_StaysCancelledAndLeavesNoRank) {
  prepare({.nodes = 2, .cpus_per_node = 1});
  const auto job = train(GetParam());
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

TEST_P(EachLauncher, TrainingThatLosesASlurmd_IsRequeuedBySlurmAndResumesToTheSameBits) {
  prepare({.nodes = 3, .cpus_per_node = 1, .node_down_s = 4});
  const auto job = train(GetParam());
  wait_for([&] { return std::filesystem::exists(folder() / "run" / "step-00000150"); },
           "a checkpoint");
  ASSERT_TRUE(slurm().kill_slurmd(2).ok());
  expect_resumed_to_the_same_bits(job);
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
