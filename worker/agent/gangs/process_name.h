/// Names that last: of a process, and of an attempt.
#pragma once

#include <cstdint>
#include <utility>

#include "base/ids.h"

namespace tagalign::agent {

/// Names one process for good: a pid that is reused has other start ticks.
struct ProcessName {
  int pid = 0;                    ///< 0: not started yet
  std::uint64_t start_ticks = 0;  ///< process_start_ticks()
};

using AttemptKey = std::pair<JobId, Attempt>;

}  // namespace tagalign::agent
