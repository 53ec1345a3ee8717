/// Where the logs of an attempt lie: agents write them, the coordinator reads them.
#pragma once

#include <string>

#include "base/file_system.h"
#include "base/format.h"
#include "base/ids.h"

namespace tagalign::wire {

/// <workspace>/logs/<job name>/attempt-<N>; holds config.yaml, launcher.log and rank-<r>.log.
inline Path log_folder(const Path& workspace, const std::string& job_name, Attempt attempt) {
  return workspace / "logs" / job_name / format("attempt-{}", attempt.value);
}

}  // namespace tagalign::wire
