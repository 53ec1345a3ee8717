/// Promise 1 of the design, under attack. A failing seed is printed; add it below as a test of its
/// own.
///
/// TAGALIGN_SIM_SEEDS=N runs seeds 1 … N instead of the usual 300.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/simulation/cluster.h"

namespace tagalign::simulation {
namespace {

std::string report(std::uint64_t seed, const Summary& summary) {
  std::string text = "seed " + std::to_string(seed);
  for (const std::string& violation : summary.violations) text += "\n  " + violation;
  return text;
}

TEST(Simulation, AnyWeatherThenHealing_EveryJobEndsAndNoPromiseBreaks) {
  const char* wanted = std::getenv("TAGALIGN_SIM_SEEDS");
  const std::uint64_t count = wanted ? std::strtoull(wanted, nullptr, 10) : 300;
  ASSERT_GT(count, 0u) << "TAGALIGN_SIM_SEEDS must be a positive number";
  Summary total;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    const Summary summary = run_cluster(seed);
    EXPECT_TRUE(summary.violations.empty()) << report(seed, summary);
    total.events += summary.events;
    total.coordinator_crashes += summary.coordinator_crashes;
    total.agent_crashes += summary.agent_crashes;
    total.gangs += summary.gangs;
    for (const auto& [state, jobs] : summary.jobs_by_state) total.jobs_by_state[state] += jobs;
  }
  RecordProperty("events", std::to_string(total.events));
  std::cout << count << " seeds: " << total.events << " events, " << total.gangs << " gangs, "
            << total.coordinator_crashes << " coordinator and " << total.agent_crashes
            << " agent crashes;";
  for (const auto& [state, jobs] : total.jobs_by_state) std::cout << " " << jobs << " " << state;
  std::cout << "\n";
  // A simulation in which nothing happens would pass everything.
  EXPECT_GT(total.coordinator_crashes, 0);
  EXPECT_GT(total.agent_crashes, 0);
  EXPECT_GT(total.jobs_by_state["succeeded"], 0);
}

// A full disk held back a launch and the loss of its agent: both were carried out at once, and the
// lost gang came second.
TEST(Simulation, LaunchAndLossInOneBatch_OnlyTheLostGangOverlaps) {
  const Summary summary = run_cluster(792);
  EXPECT_TRUE(summary.violations.empty()) << report(792, summary);
}

TEST(Simulation, EqualSeed_EqualRun) {
  const Summary first = run_cluster(7);
  const Summary second = run_cluster(7);
  EXPECT_EQ(first.events, second.events);
  EXPECT_EQ(first.gangs, second.gangs);
  EXPECT_EQ(first.jobs_by_state, second.jobs_by_state);
}

}  // namespace
}  // namespace tagalign::simulation
