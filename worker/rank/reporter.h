/// How a rank talks to its agent; a rank that runs alone talks to its log.
///
/// Thread: any. Order: hello() first, farewell() last.
/// checkpoint() and result() return when the agent holds the message durably, or give up with
/// kUnavailable after limits::kRequestTimeoutMs; the rank then goes on, and the message is still
/// sent (a rank also reports all its checkpoints again at its next start). farewell() returns when
/// the agent has it, after a few seconds at most.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "coordinator/wire/messages.h"
#include "worker/rank/activity.h"

namespace tagalign::jobs {

struct RankIdentity {
  JobId job;
  Attempt attempt;
  int rank = 0;
  std::string coordinator;  ///< whose job it is; empty for a rank that runs alone
};

class Reporter {
 public:
  virtual ~Reporter() = default;
  virtual void hello(const std::string& device) = 0;
  /// Cheap: overwrites what the next beat will say.
  virtual void progress(std::uint64_t step, std::uint64_t steps_total,
                        const std::string& activity) = 0;
  /// `pace`: as measured by this process; all zero where it was not.
  virtual Status checkpoint(const wire::CheckpointInfo& checkpoint,
                            const wire::Pace& pace = {}) = 0;
  virtual Status result(const wire::EvaluationResult& result) = 0;
  virtual void notice(const std::string& text) = 0;
  virtual void farewell(int code, const std::string& reason) = 0;
  /// A stop request that has arrived (message, or SIGTERM/SIGUSR1 translated); stays set.
  virtual std::optional<std::string> stop_requested() = 0;
  /// Job and attempt 0 for a rank that runs alone.
  virtual RankIdentity identity() const = 0;
};

/// What a reporter looks at by itself, from its thread. Borrowed; all may be absent.
struct Insight {
  Activity* activity = nullptr;
  /// A file that keeps the rank waiting: "/data/a.jpg for 31 s"; empty: none.
  std::function<std::string()> reading;
  /// Writes down what all threads do, where the agent looks for it.
  std::function<void()> show_stacks;
};

/// For a rank without an agent: beats go to the log; signals still request a stop.
std::unique_ptr<Reporter> make_log_reporter(int rank);
/// Over the agent's ipc socket; a thread sends beats. The process then ends with its launcher
/// (PR_SET_PDEATHSIG): call early, from main's thread.
/// The process ends at once with ExitCode::kPeerLost when the agent's does, or when the agent falls
/// silent (agent_watch_posix.h); `agent_pid` 0: not known.
Result<std::unique_ptr<Reporter>> make_agent_reporter(const std::string& socket_path,
                                                      RankIdentity identity, int agent_pid = 0,
                                                      Insight insight = {});

}  // namespace tagalign::jobs
