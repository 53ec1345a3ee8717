/// The coordinator dies at every commit of its store that a workflow of 200 jobs makes, once with
/// nothing of it durable and once with all of it and nothing said: nothing that was acknowledged is
/// lost, nothing is launched twice, and gangs that lived are taken over, not started again.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "base/format.h"
#include "base/log.h"
#include "tests/simulation/cluster.h"
#include "tests/simulation/workflows.h"

namespace tagalign::simulation {
namespace {

constexpr int kGroups = 50;
constexpr std::uint64_t kSeed = 5;  // several nodes, the store in memory, no Slurm

/// Fifty times four jobs, of which each fifth group has its checkpoints evaluated as well.
wire::WorkflowSpec two_hundred_jobs() {
  wire::WorkflowSpec spec{"large", "/work", {}};
  for (int i = 0; i < kGroups; ++i) {
    const std::string n = std::to_string(i);
    spec.jobs.push_back(job("prepare" + n, "scenes", 1, {}));
    spec.jobs.push_back(job("train" + n, "train", 1, {"prepare" + n}));
    spec.jobs.push_back(job("baseline" + n, "evaluate", 1, {"prepare" + n}));
    std::vector<std::string> before{"baseline" + n};
    if (i % 5 == 0) {
      spec.jobs.push_back(job("evaluate" + n, "evaluate", 1, {}, "train" + n));
      before.push_back("evaluate" + n);
    }
    spec.jobs.push_back(job("report" + n, "scenes", 1, before));
  }
  return spec;
}

/// Every so many-th commit: 1 takes some minutes.
std::uint64_t stride() {
  const char* text = std::getenv("TAGALIGN_CRASH_STRIDE");
  return text == nullptr ? 31 : std::max(1ULL, std::strtoull(text, nullptr, 10));
}

TEST(CrashPoints, DeathAtACommitOfTwoHundredJobs_LosesAndRepeatsNothing) {
  ASSERT_TRUE(init_log({.component = "simulation", .level = LogLevel::kSilent, .file = {}}).ok());
  const wire::WorkflowSpec large = two_hundred_jobs();
  const CrashRun calm = run_crash_point(kSeed, large, {});
  ASSERT_TRUE(calm.violations.empty()) << calm.violations.front();
  ASSERT_GE(calm.jobs, 200u);
  ASSERT_EQ(calm.attempts, calm.jobs);
  std::uint64_t points = 0, taken_over = 0;
  for (const bool before : {true, false}) {
    for (std::uint64_t commit = 1; commit <= calm.commits; commit += stride()) {
      const CrashRun run = run_crash_point(kSeed, large, {commit, before});
      const std::string where = format("commit {}, {}", commit, before ? "before" : "after");
      ASSERT_TRUE(run.violations.empty()) << where << ": " << run.violations.front();
      ASSERT_EQ(run.jobs, calm.jobs) << where;
      ASSERT_EQ(run.attempts, run.jobs) << where << ": a gang was not taken over";
      ++points;
      taken_over += run.gangs_at_kill;
    }
  }
  std::cout << calm.jobs << " jobs, " << calm.commits << " commits, " << points << " crash points, "
            << taken_over << " gangs taken over\n";
  EXPECT_GT(taken_over, 0u);
}

}  // namespace
}  // namespace tagalign::simulation
