#include "coordinator/service/pools/ssh_agents_posix.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/format.h"
#include "base/log.h"
#include "base/process.h"
#include "coordinator/service/pools/script.h"

namespace tagalign::service {
namespace {

/// nullopt while it runs. Only children can be waited for: not those of an earlier coordinator.
std::optional<std::string> how_it_ended(const wire::ProcessIdentity& process) {
  int wait_status = 0;
  const pid_t ended = ::waitpid(process.pid, &wait_status, WNOHANG);
  if (ended == 0) return std::nullopt;
  if (ended == process.pid) return decode_exit_status(wait_status).to_string();
  if (process_start_ticks(process.pid) == process.start_ticks) return std::nullopt;
  return "it was not started by this coordinator";
}

}  // namespace

Status SshAgents::launch(const core::StartSshAgent& effect, const Key& key) {
  if (const auto running = wire::read_live_process(pid_file(key))) {
    log_info("the ssh of pool {} to {} runs already (pid {})", key.first, key.second, running->pid);
    running_[key] = *running;
    return ok_status();
  }
  TA_RETURN_IF_ERROR(posix_file_system().create_directories(folder_ / key.first));
  TA_ASSIGN_OR_RETURN(const pid_t pid,
                      start_process({.command = ssh_command(effect.spec, effect.host),
                                     .stdout_file = log_file(key),
                                     .stderr_file = log_file(key),
                                     .own_session = true}));
  running_[key] = {pid, process_start_ticks(pid).value_or(0)};
  return wire::write_pid_file(pid_file(key), pid);
}

void SshAgents::start(const core::StartSshAgent& effect) {
  const Key key{effect.spec.name, effect.host.host};
  if (running_.contains(key)) return;
  const Status launched = launch(effect, key);
  if (launched.ok()) return;
  if (running_.contains(key)) return log_warning("{}", launched.message());
  ready_.push_back({key.first, key.second, "start ssh: " + launched.message()});
}

void SshAgents::end(const core::EndSshAgent& effect) {
  const Key key{effect.pool, effect.host};
  const auto found = running_.find(key);
  if (found != running_.end()) {
    ::kill(-found->second.pid, SIGTERM);
  } else {
    ready_.push_back({effect.pool, effect.host, "its ssh does not run any more"});
  }
}

std::vector<core::SshAgentEnded> SshAgents::news() {
  for (auto entry = running_.begin(); entry != running_.end();) {
    const auto how = how_it_ended(entry->second);
    if (!how) {
      ++entry;
      continue;
    }
    ready_.push_back(
        {entry->first.first, entry->first.second,
         format("the agent's ssh ended: {}; see {}", *how, log_file(entry->first).string())});
    entry = running_.erase(entry);
  }
  return std::exchange(ready_, {});
}

}  // namespace tagalign::service
