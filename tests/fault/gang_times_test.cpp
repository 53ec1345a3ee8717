// How long a gang takes to come up, to be gone when one of its ranks is killed, and to be there again:
// a table over launchers, ranks and nodes. Medians are printed; only what no user would bear fails.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <vector>

#include "base/clock.h"
#include "base/format.h"
#include "tests/lab/gang_hosts.h"
#include "tests/lab/gang_slurm.h"

namespace tagalign::lab {
namespace {

constexpr int kRounds = 5;
constexpr std::int64_t kLookMs = 2;
constexpr std::int64_t kPatienceMs = 30'000;
/// On one node mpirun stays for a second behind its ranks, and its exit code tells what the first died of.
constexpr std::int64_t kGoneMsMax = 1'000;
constexpr std::int64_t kThereMsMax = 5'000;

struct Shape {
  int ranks;
  int nodes;
};

constexpr Shape kShapes[] = {{2, 1}, {2, 2}, {4, 1}, {4, 2}, {4, 4}};

std::string name_of(const Shape& shape) {
  return format("{}RanksOn{}Nodes", shape.ranks, shape.nodes);
}

/// In milliseconds, one a round.
struct Times {
  std::vector<std::int64_t> launch;  ///< from the call of `tagalign submit` until all ranks exist
  std::vector<std::int64_t> gone;    ///< from the kill until nothing of the attempt is left
  std::vector<std::int64_t> again;   ///< from the kill until all ranks of the next attempt exist
};

std::int64_t median(std::vector<std::int64_t> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// The cluster under test, as a round needs it.
struct Bench {
  Path folder;
  int ranks;
  std::function<std::string(std::vector<std::string>)> tagalign;
};

std::vector<GangProcess> processes_of(const Bench& bench, std::uint32_t attempt) {
  std::vector<GangProcess> found = gang_processes(bench.folder);
  std::erase_if(found, [&](const GangProcess& one) { return one.attempt != attempt; });
  return found;
}

std::int64_t ms_until(const std::function<bool()>& reached, MonotonicMs since_ms) {
  while (!reached()) {
    if (system_clock().monotonic_ms() - since_ms > kPatienceMs) {
      ADD_FAILURE() << "nothing came of it";
      break;
    }
    system_clock().sleep_ms(kLookMs);
  }
  return system_clock().monotonic_ms() - since_ms;
}

bool all_run(const Bench& bench, std::uint32_t attempt) {
  return std::ranges::count_if(processes_of(bench, attempt), [](const GangProcess& one) {
           return one.rank >= 0 && one.program == "rank_program";
         }) == bench.ranks;
}

void kill_last_rank(const Bench& bench) {
  for (const GangProcess& one : processes_of(bench, 1)) {
    if (one.rank != bench.ranks - 1) continue;
    EXPECT_EQ(::kill(one.pid, SIGKILL), 0);
  }
}

/// One job: launched, killed once, launched again, cancelled.
void add_round(const Bench& bench, int job, Times& times) {
  const std::string workflow = write_endless_workflow(bench.folder, bench.ranks).string();
  const MonotonicMs submitted_ms = system_clock().monotonic_ms();
  bench.tagalign({"submit", workflow});
  times.launch.push_back(ms_until([&] { return all_run(bench, 1); }, submitted_ms));
  system_clock().sleep_ms(300);  // all have said hello
  const MonotonicMs killed_ms = system_clock().monotonic_ms();
  kill_last_rank(bench);
  times.gone.push_back(ms_until([&] { return processes_of(bench, 1).empty(); }, killed_ms));
  times.again.push_back(ms_until([&] { return all_run(bench, 2); }, killed_ms));
  bench.tagalign({"job", "cancel", std::to_string(job)});
  ms_until([&] { return gang_processes(bench.folder).empty(); }, system_clock().monotonic_ms());
}

void measure(const Bench& bench, const std::string& launcher, const Shape& shape) {
  Times times;
  for (int job = 1; job <= kRounds; ++job) add_round(bench, job, times);
  std::cout << format(
      "{}: {} ranks on {} nodes: launch {} ms, killed to gone {} ms, to the next "
      "attempt's ranks {} ms (medians of {})\n",
      launcher, shape.ranks, shape.nodes, median(times.launch), median(times.gone),
      median(times.again), kRounds);
  EXPECT_LE(median(times.gone), kGoneMsMax);
  EXPECT_LE(median(times.launch), kThereMsMax);
  EXPECT_LE(median(times.again), kThereMsMax);
}

class TimesOverHosts : public GangHosts, public ::testing::WithParamInterface<Shape> {};

TEST_P(TimesOverHosts, Gang_ComesAndGoesInTime) {
  const Shape shape = GetParam();
  start(shape.nodes + 1, shape.ranks / shape.nodes);
  measure({folder(), shape.ranks, [this](const auto& words) { return tagalign(words); }},
          "mpirun over hosts", shape);
}

INSTANTIATE_TEST_SUITE_P(Shapes, TimesOverHosts, ::testing::ValuesIn(kShapes),
                         [](const auto& shape) { return name_of(shape.param); });

class TimesInSlurm : public GangSlurm,
                     public ::testing::WithParamInterface<std::tuple<const char*, Shape>> {
 protected:
  void SetUp() override { set_up({.nodes = 4, .cpus_per_node = 4}, std::get<0>(GetParam())); }
};

TEST_P(TimesInSlurm, Gang_ComesAndGoesInTime) {
  const auto& [launcher, shape] = GetParam();
  allocate(shape.nodes, shape.ranks / shape.nodes);
  wait_for_agents(shape.nodes);
  measure({folder(), shape.ranks, [this](const auto& words) { return tagalign(words); }},
          format("{} in Slurm", launcher), shape);
}

INSTANTIATE_TEST_SUITE_P(Shapes, TimesInSlurm,
                         ::testing::Combine(::testing::Values("srun", "mpirun"),
                                            ::testing::ValuesIn(kShapes)),
                         [](const auto& tested) {
                           return std::string(std::get<0>(tested.param)) +
                                  name_of(std::get<1>(tested.param));
                         });

}  // namespace
}  // namespace tagalign::lab
