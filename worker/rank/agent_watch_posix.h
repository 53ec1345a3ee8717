/// Whether the agent that watches over this rank lives: by its process, and by what it says.
///
/// A rank must not outlive the one who would end it. Most die with their launcher, which dies with
/// the agent; but srun's do not, and a stopped agent is alive to the kernel.
/// Threads: one.
#pragma once

#include <optional>

#include "base/clock.h"

namespace tagalign::jobs {

class AgentWatch {
 public:
  /// `agent_pid`: 0 when it is not known; then only its silence tells.
  explicit AgentWatch(int agent_pid);
  AgentWatch(AgentWatch&& other) noexcept;
  AgentWatch& operator=(AgentWatch&&) = delete;
  ~AgentWatch();

  /// To be polled for reading: the process has ended. Negative when it cannot be polled.
  int fd() const { return fd_; }
  /// From the first time on it must be heard again and again.
  void heard(MonotonicMs now_ms) { heard_ms_ = now_ms; }
  /// Its process is gone, or nothing was heard of it for limits::kAgentSilentAfterMs.
  bool is_gone(MonotonicMs now_ms) const;

 private:
  int fd_ = -1;
  std::optional<MonotonicMs> heard_ms_;
};

}  // namespace tagalign::jobs
