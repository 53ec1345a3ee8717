/// A whole cluster from one seed: weather for a while, then healing, then the promises are checked.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

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

}  // namespace tagalign::simulation
