/// The coordinator as a process: real sockets, store, clock and pool around the Service.
#pragma once

#include <optional>
#include <string>

#include "base/file_system.h"

namespace tagalign::service {

/// Where agents come from; `--pool` has a word for each.
enum class PoolKind {
  kNone,   ///< by themselves: started by hand or by another scheduler
  kLocal,  ///< one is kept running on this machine
};

struct CoordinatorOptions {
  Path state_folder;  ///< made when missing
  /// "tcp://ADDRESS:PORT"; nullopt: as last time, at first tcp://127.0.0.1:*.
  std::optional<std::string> listen;
  PoolKind pool = PoolKind::kLocal;
  std::optional<int> local_slots;  ///< of the local agent; nullopt: GPUs, else CPU cores
  Path agent_program;              ///< tagalign, as the local pool starts it
  std::string version;             ///< shown by `coordinator status`
};

/// Runs until a StopRequest was carried out (0), or SIGTERM or SIGINT (0; agents and gangs run on
/// for the next coordinator). On failure says why in the log and returns ExitCode::kUsage for what
/// the user can mend (a port in use, a state folder held by another coordinator, a key that others
/// can read), else ExitCode::kDoNotRequeue. The endpoint file is written when clients can connect.
int run_coordinator(const CoordinatorOptions& options);

}  // namespace tagalign::service
