/// What tests on a real Slurm share: the cluster, a folder, and waiting with a bound.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/format.h"
#include "tests/lab/slurm_cluster.h"
#include "tests/unit/agent/temporary_folder.h"

namespace tagalign::lab {

/// Skipped, with what is missing, where no Slurm can be started.
class SlurmTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Status available = SlurmCluster::available();
    if (!available.ok()) GTEST_SKIP() << available.message();
  }
  void TearDown() override {
    if (HasFailure() && slurm_) std::fputs(slurm_->log("slurmctld").c_str(), stderr);
  }

  void start(const SlurmClusterOptions& options) {
    auto started = SlurmCluster::start(folder(), options);
    TA_CHECK(started.ok(), started.ok() ? "" : started.status().message());
    slurm_ = std::move(started).value();
  }
  void stop() { slurm_.reset(); }
  SlurmCluster& slurm() { return *slurm_; }
  const Path& folder() const { return temporary_.path(); }

  /// Standard output of a command that must succeed.
  std::string ask(const std::vector<std::string>& command) {
    const auto answer = slurm_->ask(command);
    EXPECT_TRUE(answer.ok()) << answer.status().message();
    return answer.ok() ? *answer : "";
  }

  /// Submits `script`, a body without its first line or the path of a file; the job's id.
  std::string sbatch(std::vector<std::string> options, const std::string& script,
                     const std::vector<std::string>& arguments = {}) {
    std::vector<std::string> command = {"sbatch",   "--parsable",
                                        "--chdir",  folder().string(),
                                        "--output", (folder() / "job-%j.txt").string()};
    command.insert(command.end(), options.begin(), options.end());
    Path file = script;
    if (script.find('\n') != std::string::npos) {
      file = folder() / format("script-{}", ++scripts_);
      EXPECT_TRUE(posix_file_system().write_durable(file, "#!/bin/bash\n" + script).ok());
    }
    command.push_back(file.string());
    command.insert(command.end(), arguments.begin(), arguments.end());
    return ask(command);
  }

  /// What a job has printed so far.
  std::string output(const std::string& job) {
    const auto text =
        posix_file_system().read_file(folder() / format("job-{}.txt", job), 16u << 20);
    return text.ok() ? *text : "";
  }
  std::string state(const std::string& job) { return job_field(*slurm_, job, "JobState"); }
  std::string node_state(const std::string& node) {
    const std::string text = ask({"scontrol", "--oneliner", "show", "node", node});
    const std::size_t at = text.find("State=") + 6;
    return text.substr(at, text.find(' ', at) - at);
  }

  void wait_for(const std::function<bool()>& reached, const std::string& what,
                std::int64_t patience_ms = 90'000) {
    const MonotonicMs begin_ms = system_clock().monotonic_ms();
    while (!reached()) {
      ASSERT_LT(system_clock().monotonic_ms() - begin_ms, patience_ms) << "never: " << what;
      system_clock().sleep_ms(100);
    }
  }
  void wait_for_state(const std::string& job, const std::string& wanted,
                      std::int64_t patience_ms = 90'000) {
    std::string seen;
    wait_for([&] { return (seen = state(job)) == wanted; }, format("job {} is {}", job, wanted),
             patience_ms);
    EXPECT_EQ(seen, wanted) << output(job);
  }

 private:
  tagalign::testing::TemporaryFolder temporary_;
  std::unique_ptr<SlurmCluster> slurm_;
  int scripts_ = 0;
};

}  // namespace tagalign::lab
