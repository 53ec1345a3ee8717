/// What follows the end of an attempt: pure, decided by the class of the failure.
///
/// Infrastructure (a rank killed from outside, an agent gone; a full disk or another trouble of the
/// place, exit code 74, which is waited for in minutes) costs nothing while new checkpoints
/// come, and ends the job after Policy::stalled_retries_max failures without one, or after
/// Policy::same_step_kills_max kills at one step: training repeats itself to the bit, so what is
/// killed at the same place each time asks for it (the kernel, when memory runs out). The program's
/// own failures are charged against retries_max, and two in a row at one step that say the same, but
/// for numbers, end the job. Exit code 93 ends it at once. What was asked to leave and come back, and
/// did, is charged nothing; what left with 75 of itself is infrastructure.
#pragma once

#include "coordinator/core/decide/turn.h"

namespace tagalign::core {

struct Verdict {
  JobState state;
  int program_failures = 0;
  int stalled_failures = 0;
  std::optional<std::uint64_t> last_failed_step;
};

/// `job` is starting, running or saving; its record of the attempt is not yet closed.
Verdict decide_retry(const Policy& policy, const Job& job, const wire::AttemptEnded& end,
                     UnixMs now_ms);

}  // namespace tagalign::core
