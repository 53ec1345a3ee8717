/// A whole cluster from one seed: weather for a while, then healing, then the promises are checked.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/simulation/world.h"

namespace tagalign::simulation {

struct Summary {
  std::vector<std::string> violations;
  std::vector<std::string> story;  ///< of a broken promise: what the pools tell, and the agents
  std::uint64_t stored = 0;        ///< entries of the coordinator's log
  int gangs = 0;
  std::int64_t simulated_ms = 0;
  std::map<std::string, int> misfortunes;  ///< how often each struck
  std::map<std::string, int> jobs_by_state;
};

Summary run_cluster(std::uint64_t seed);

/// A day of weather in which something strikes once a minute or so, people submit a workflow every
/// hour or two, and a training takes hundreds of steps: what only time brings about.
Summary run_day(std::uint64_t seed);

/// One workflow in calm weather, with one death of the coordinator.
struct CrashRun {
  std::vector<std::string> violations;
  std::uint64_t commits = 0;
  std::size_t gangs_at_kill = 0;
  std::size_t jobs = 0;
  std::size_t attempts = 0;
};
CrashRun run_crash_point(std::uint64_t seed, const wire::WorkflowSpec& only, CrashPoint point);

}  // namespace tagalign::simulation
