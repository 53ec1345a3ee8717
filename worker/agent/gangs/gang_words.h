/// What gang.cpp and gang_causes.cpp say and judge alike. Private to this folder.
#pragma once

#include <string>

#include "base/exit_codes.h"
#include "base/format.h"

namespace tagalign::agent {

/// Launchers and shells pass on a signal as this and its number.
inline constexpr int kSignalCode = 128;

inline bool is_failure(int code) {
  return code != 0 && code != to_int(ExitCode::kRequeue);
}

inline std::string rank_name(int rank, int pid) {
  return format("rank {} (pid {})", rank, pid);
}

}  // namespace tagalign::agent
