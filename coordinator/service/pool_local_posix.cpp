#include "coordinator/service/pool_local_posix.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/format.h"
#include "base/log.h"
#include "base/process.h"

namespace tagalign::service {

using wire::ProcessIdentity;

int count_local_gpus() {
  const auto names = posix_file_system().list_directory("/dev");
  if (!names.ok()) return 0;
  return static_cast<int>(std::ranges::count_if(*names, [](const std::string& name) {
    return name.starts_with("nvidia") && name.size() > 6 &&
           std::ranges::all_of(name.substr(6), [](char c) { return c >= '0' && c <= '9'; });
  }));
}

int default_local_slots() {
  if (const int gpus = count_local_gpus(); gpus > 0) return gpus;
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  return std::max(1, CPU_COUNT(&allowed));
}

LocalPool::LocalPool(LocalPoolOptions options, Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      folder_(wire::StateFolder(options_.state_folder).agent(options_.id)) {
  if (const auto running = wire::read_live_process(pid_file())) {
    log_info("agent {} runs already (pid {})", options_.id, running->pid);
    adopt(*running);
  }
}

void LocalPool::adopt(ProcessIdentity identity) {
  agent_ = identity;
  started_ms_ = clock_.monotonic_ms();
  unheard_since_ms_ = started_ms_;
}

void LocalPool::on_hello(const wire::AgentHello& hello) {
  if (hello.agent.value != options_.id || hello.host != host_name()) return;
  if (agent_ && agent_->pid == hello.pid) return unheard_since_ms_.reset();
  const auto ticks = process_start_ticks(hello.pid);
  if (!ticks) return;
  said_hello_ = ProcessIdentity{hello.pid, *ticks};
  if (!agent_) adopt_stranger();
}

void LocalPool::on_silence(const AgentId& agent) {
  if (agent.value == options_.id && !unheard_since_ms_) unheard_since_ms_ = clock_.monotonic_ms();
}

/// An agent that an earlier coordinator started without living to write it down. One that was
/// started beside it ends by itself, because the folder is locked.
bool LocalPool::adopt_stranger() {
  const auto stranger = std::exchange(said_hello_, std::nullopt);
  if (!stranger || process_start_ticks(stranger->pid) != stranger->start_ticks) return false;
  log_info("agent {} of an earlier coordinator runs (pid {})", options_.id, stranger->pid);
  adopt(*stranger);
  unheard_since_ms_.reset();  // it has just said hello
  const Status written = wire::write_pid_file(pid_file(), stranger->pid);
  if (!written.ok()) log_warning("{}", written.message());
  return true;
}

int LocalPool::alive() {
  reap();
  return agent_ ? 1 : 0;
}

/// Children must be waited for before their entry in /proc goes; adopted agents
/// are nobody's children here.
void LocalPool::reap() {
  if (!agent_) return;
  int wait_status = 0;
  std::string how = "it was not started by this coordinator";
  const pid_t ended = ::waitpid(agent_->pid, &wait_status, WNOHANG);
  if (ended == 0) return;  // a child that runs
  if (ended == agent_->pid) {
    how = decode_exit_status(wait_status).to_string();
  } else if (process_start_ticks(agent_->pid) == agent_->start_ticks) {
    return;
  }
  const MonotonicMs now_ms = clock_.monotonic_ms();
  if (now_ms - started_ms_ >= kHealthyMs) back_off_ms_ = kRestartMsMin;
  next_start_ms_ = now_ms + back_off_ms_;
  back_off_ms_ = std::min(2 * back_off_ms_, kRestartMsMax);
  const auto level = stopping_ ? LogLevel::kInfo : LogLevel::kWarning;
  log_line(level, format("agent {} (pid {}) ended: {}; see {}", options_.id, agent_->pid, how,
                         (folder_ / "agent.log").string()));
  agent_.reset();
  (void)adopt_stranger();
}

void LocalPool::tick() {
  reap();
  end_unheard();
  if (!agent_ && !stopping_ && clock_.monotonic_ms() >= next_start_ms_) start();
}

/// Its number is its own as long as it has not been reaped; an adopted one was looked at just now.
void LocalPool::end_unheard() {
  if (!agent_ || !unheard_since_ms_) return;
  if (clock_.monotonic_ms() - *unheard_since_ms_ < kUnheardMs) return;
  log_warning("agent {} (pid {}) lives and has said nothing for {}: it is killed, another starts",
              options_.id, agent_->pid, format_duration(kUnheardMs));
  ::kill(agent_->pid, SIGKILL);
  unheard_since_ms_ = clock_.monotonic_ms();
}

void LocalPool::start() {
  next_start_ms_ = clock_.monotonic_ms() + back_off_ms_;
  Status status = posix_file_system().create_directories(folder_);
  if (status.ok()) {
    std::vector<std::string> command = {options_.program.string(),
                                        "--state",
                                        options_.state_folder.string(),
                                        "agent",
                                        "--id",
                                        options_.id,
                                        "--slots",
                                        std::to_string(options_.slots)};
    if (options_.gpus > 0) {
      command.insert(command.end(), {"--gpus", std::to_string(options_.gpus)});
    }
    const auto pid = start_process({.command = std::move(command),
                                    .stdout_file = folder_ / "agent.log",
                                    .stderr_file = folder_ / "agent.log",
                                    .own_session = true});
    if (pid.ok()) return on_started(*pid);
    status = pid.status();
  }
  back_off_ms_ = std::min(2 * back_off_ms_, kRestartMsMax);
  log_error("start agent {}: {}", options_.id, status.message());
}

/// The child counts as started even when it has ended by now: reap() finds out, and backs off once.
void LocalPool::on_started(pid_t pid) {
  adopt({pid, process_start_ticks(pid).value_or(0)});
  log_info("started agent {} with {} slots (pid {})", options_.id, options_.slots, pid);
  const Status written = wire::write_pid_file(pid_file(), pid);
  if (!written.ok()) log_warning("{}", written.message());
}

}  // namespace tagalign::service
