/// Pure functions that make texts which run elsewhere: the script of a Slurm allocation, and the
/// command by which ssh starts an agent.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "coordinator/wire/pool_messages.h"

namespace tagalign::service {

/// In a Slurm job's comment: which state folder it belongs to. Made of the coordinator's public key,
/// which stays with the folder wherever that is moved.
std::string pool_mark(const std::string& server_public_key);

/// `text` as one word of a shell.
std::string shell_quoted(const std::string& text);

/// What an allocation of `pool` runs: one agent on each of its nodes. SIGUSR1, which Slurm sends
/// ahead of the time limit, is passed on to them.
std::string allocation_script(const wire::PoolSpec& pool, const Path& program,
                              const Path& state_folder);

/// ssh with the agent's command for the shell of `host`; `spec` must be an ssh pool.
std::vector<std::string> ssh_command(const wire::PoolSpec& spec, const wire::SshHost& host);

}  // namespace tagalign::service
