/// A whole cluster from one seed: weather for a while, then healing, then the promises are checked.
#pragma once

#include <memory>
#include <optional>

#include "tests/simulation/agent.h"
#include "tests/simulation/coordinator.h"

namespace tagalign::simulation {

struct Summary {
  std::vector<std::string> violations;
  std::uint64_t events = 0;
  int coordinator_crashes = 0;
  int agent_crashes = 0;
  int gangs = 0;
  std::map<std::string, int> jobs_by_state;
};

Summary run_cluster(std::uint64_t seed);

}  // namespace tagalign::simulation
