/// How a gang is started: the command and environment of its launcher, as pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/process.h"
#include "coordinator/wire/messages.h"
#include "worker/agent/gangs/process_name.h"

namespace tagalign::agent {

/// Where an attempt's configuration and logs lie: <workspace>/logs/<job name>/attempt-<N>.
Path attempt_folder(const wire::Launch& launch);
inline Path attempt_config(const wire::Launch& launch) {
  return attempt_folder(launch) / "config.yaml";
}
inline Path launcher_log(const wire::Launch& launch) {
  return attempt_folder(launch) / "launcher.log";
}

inline int slots_of(const wire::Launch& launch) {
  return launch.ranks * launch.slots_per_rank;
}

struct GangEnvironment {
  std::string mpirun = "mpirun";  ///< name on PATH, or a path
  Path worker;                    ///< program of a rank
  Path socket;                    ///< where ranks find the agent
  std::string agent_mark;         ///< names the agent's folder; see gang_mark()
  std::string coordinator;        ///< names the coordinator's state in the leases of checkpoints
  bool as_root = false;           ///< mpirun refuses root unless told otherwise
  Path scratch;  ///< for MPI's session folders and shared memory; empty: where MPI puts them
  /// Devices of this gang, perhaps none; absent: the agent hands out none, and
  /// CUDA_VISIBLE_DEVICES stays as it is.
  std::optional<std::vector<std::string>> gpus;
};

/// Every process of an attempt carries TAGALIGN_GANG=<this> in its environment, so that what
/// is left of it can be found after its parents are gone. Ends with a dot, so that no mark is
/// the beginning of another.
std::string gang_mark(const std::string& agent_mark, const AttemptKey& key);

/// MPI's files of one attempt: a gang that was killed cannot clear up, so its agent does.
inline Path gang_scratch(const GangEnvironment& environment, const AttemptKey& key) {
  return environment.scratch / gang_mark("gang", key);
}

std::vector<std::string> gang_command(const wire::Launch& launch,
                                      const GangEnvironment& environment);
ProcessOptions gang_process(const wire::Launch& launch, const GangEnvironment& environment);

}  // namespace tagalign::agent
