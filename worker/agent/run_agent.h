/// The agent as a program: lock, sockets, signals around the loop of agent.h.
#pragma once

#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/wire/messages.h"
#include "coordinator/wire/transport.h"

namespace tagalign::agent {

struct AgentOptions {
  std::string id;     ///< kept over restarts: [A-Za-z0-9][A-Za-z0-9_.-]*
  Path state_folder;  ///< the coordinator's: endpoint and keys (state_folder.h)
  std::optional<wire::CurveClientOptions> connection;  ///< instead of what state_folder says
  Path folder;  ///< lock and journal; empty: <state_folder>/agents/<id>
  int slots = 1;
  int gpus = 0;
  wire::AgentPlace place;         ///< pool, allocation, node, end, launcher; the rest is filled in
  std::string interface;          ///< of MPI and NCCL in gangs of several nodes; empty: they choose
  Path worker;                    ///< empty: tagalign-worker beside this program
  std::string mpirun = "mpirun";  ///< name on PATH, or a path
};

/// Runs until AgentShutdown, SIGTERM, SIGINT or SIGUSR1 (what Slurm sends ahead of the time limit):
/// gangs then save and leave, and their last events are delivered. kAlreadyExists when another
/// agent holds the folder.
Status serve_agent(const AgentOptions& options);

/// serve_agent() with log and exit code: 0, or 2 after saying on stderr what was wrong.
int run_agent(const AgentOptions& options);

/// Short enough for a Unix socket's address, whatever the folder: below XDG_RUNTIME_DIR, else
/// /tmp/tagalign-<uid>. Creates its folders with mode 0700 and refuses those of others.
Result<Path> agent_socket_path(const Path& agent_folder);

}  // namespace tagalign::agent
