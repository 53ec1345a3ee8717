/// What tests of slurm/*.sbatch share: a real Slurm, and a training of seconds on two of its nodes.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "base/format.h"
#include "tests/integration/small_jobs.h"
#include "tests/lab/slurm_test.h"

namespace tagalign::lab {

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

  std::string train(const std::string& launcher, int nodes = 2, int ranks_per_node = 1) {
    const std::vector<std::string> options = {format("--nodes={}", nodes),
                                              format("--ntasks-per-node={}", ranks_per_node),
                                              format("--export=ALL,LAUNCHER={},TAGALIGN_WORKER={}",
                                                     launcher, program("tagalign-worker"))};
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

  /// What it says of shards and tensors: where they lie and which program wrote them stands before.
  std::string bits(const std::string& run) const {
    const std::string text = manifest(run);
    const std::size_t at = text.find("\"shards\"");
    return at == std::string::npos ? "no manifest of " + run : text.substr(at);
  }

  /// Requeued, resumed, and at last the same bits as a run that nobody disturbed.
  void expect_resumed_to_the_same_bits(const std::string& job) {
    wait_for_state(job, "COMPLETED");
    EXPECT_THAT(output(job), ::testing::HasSubstr("resumed from")) << output(job);
    EXPECT_NE(job_field(slurm(), job, "Restarts"), "0");
    expect_the_bits_of_a_calm_run(2);
  }
  /// Of so many ranks, on this machine alone.
  void expect_the_bits_of_a_calm_run(int ranks) {
    worker(
        format("probe > /dev/null; mpirun -n {} --oversubscribe --bind-to none $WORKER train "
               "--config train.yml --set checkpoint.directory=calm",
               ranks));
    ASSERT_NE(manifest("calm"), "");
    EXPECT_TRUE(bits("run") == bits("calm")) << "the digests of the shards differ";
  }

  /// What --signal=B:USR1@… sends ahead of the limit.
  void ask_to_save(const std::string& job) { ask({"scancel", "--batch", "--signal=USR1", job}); }

  /// Runs at once, and needs what the job of the low partition has.
  void preempt() { sbatch({"--partition=high", "--nodes=2"}, "sleep 1\n"); }
};

/// Each test once with srun and once with mpirun.
class EachLauncher : public SlurmScripts, public ::testing::WithParamInterface<const char*> {};

}  // namespace tagalign::lab
