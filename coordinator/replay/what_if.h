/// How a replay shall differ from the history, as people write it: "slots=16,checkpoint.every=200".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"

namespace tagalign::replay {

struct WhatIf {
  std::optional<int> slots;   ///< of each agent
  std::optional<int> agents;  ///< so many from beginning to end, like the largest of the history
  std::optional<std::uint64_t> checkpoint_every;  ///< steps between commits of jobs that commit
  std::optional<int> retries;                     ///< of each job after failures of the program
  bool priorities = true;
  bool backfill = true;
  bool preemption = true;
  bool failures = true;  ///< those of jobs and of agents

  bool operator==(const WhatIf&) const = default;
};

/// Empty text: no difference. kInvalidArgument names what is not understood and what there is.
Result<WhatIf> parse_what_if(const std::string& text);

}  // namespace tagalign::replay
