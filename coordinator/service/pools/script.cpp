#include "coordinator/service/pools/script.h"

#include "base/checksum.h"
#include "base/format.h"
#include "coordinator/core/core.h"

namespace tagalign::service {
namespace {

std::string launcher_name(wire::GangLauncher launcher) {
  return launcher == wire::GangLauncher::kSrun ? "srun" : "mpirun";
}

constexpr const char* kScript = R"(#!/bin/bash
# Written by TagAlign's coordinator for pool {pool}: an agent on each node of the allocation.
# Changes are lost with the next allocation; change the pool instead: tagalign pool add --help
set -u

# Slurm signals this shell alone; srun passes on what it gets, and the agents save and leave.
trap 'kill -USR1 "$agents" 2>/dev/null' USR1
trap 'kill -TERM "$agents" 2>/dev/null' TERM

# --overlap: the agents hold nothing that the gangs' own steps would wait for.
srun --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 --overlap --cpu-bind=none \
  --cpus-per-task="${{SLURM_CPUS_PER_TASK:-$SLURM_CPUS_ON_NODE}}" --kill-on-bad-exit=0 \
  {program} --state {state} agent --pool {pool} --launcher {launcher} &
agents=$!

# A trap ends the wait, not the agents.
code=0
while kill -0 "$agents" 2>/dev/null; do
  wait "$agents"
  code=$?
done
exit "$code"
)";

}  // namespace

std::string pool_mark(const std::string& server_public_key) {
  return format("tagalign {:016x}", digest64(as_bytes(server_public_key)));
}

std::string shell_quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) c == '\'' ? quoted += "'\\''" : quoted += c;
  return quoted + "'";
}

std::string allocation_script(const wire::PoolSpec& pool, const Path& program,
                              const Path& state_folder) {
  return format(kScript, fmt::arg("pool", pool.name),
                fmt::arg("program", shell_quoted(program.string())),
                fmt::arg("state", shell_quoted(state_folder.string())),
                fmt::arg("launcher", launcher_name(pool.launcher)));
}

std::vector<std::string> ssh_command(const wire::PoolSpec& spec, const wire::SshHost& host) {
  const auto& ssh = std::get<wire::SshSource>(spec.source);
  std::string there =
      format("exec {} --state {} agent --pool {} --id {} --launcher {}", shell_quoted(ssh.program),
             shell_quoted(ssh.state), spec.name,
             shell_quoted(core::ssh_agent_id(spec.name, host.host)), launcher_name(spec.launcher));
  if (host.slots > 0) there += format(" --slots {}", host.slots);
  return {"ssh", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=15", host.host, there};
}

}  // namespace tagalign::service
