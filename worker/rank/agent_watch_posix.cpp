#include "worker/rank/agent_watch_posix.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "base/limits.h"

namespace tagalign::jobs {

AgentWatch::AgentWatch(int agent_pid) {
  if (agent_pid > 1) fd_ = static_cast<int>(::syscall(SYS_pidfd_open, agent_pid, 0u));
}

AgentWatch::AgentWatch(AgentWatch&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), heard_ms_(other.heard_ms_) {}

AgentWatch::~AgentWatch() {
  if (fd_ >= 0) ::close(fd_);
}

bool AgentWatch::is_gone(MonotonicMs now_ms) const {
  pollfd polled{fd_, POLLIN, 0};
  if (fd_ >= 0 && ::poll(&polled, 1, 0) == 1) return true;
  return heard_ms_ && now_ms - *heard_ms_ > limits::kAgentSilentAfterMs;
}

}  // namespace tagalign::jobs
