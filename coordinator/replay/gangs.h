/// The gangs of a replay: they do a job's work in simulated time and say what agents would report. Pure.
#pragma once

#include <set>
#include <vector>

#include "coordinator/replay/work.h"
#include "coordinator/wire/messages.h"

namespace tagalign::replay {

/// What a gang shall do.
struct Task {
  JobId job;
  Attempt attempt;
  Work work;
  std::int64_t total_ms = 0;       ///< of work
  std::optional<Failure> failure;  ///< of this attempt
  std::uint64_t from_step = 0;     ///< of the checkpoint that it goes on from; 0: none
};

class Gang {
 public:
  Gang(Task task, std::set<AgentId> agents, UnixMs placed_ms);

  /// When it does something by itself.
  UnixMs next_ms() const { return next_ms_; }
  /// What it then reports. Starts and ends are told by each of its agents, commits by the first.
  std::vector<wire::AgentEvent> act();
  /// Asked to save and leave; a second time it makes no difference.
  void leave(UnixMs now_ms);
  void kill(UnixMs now_ms);
  /// An agent is gone; true when nothing is left.
  bool lose(const AgentId& agent);

  const std::set<AgentId>& agents() const { return agents_; }
  bool over() const { return over_; }
  JobId job() const { return task_.job; }
  Attempt attempt() const { return task_.attempt; }

 private:
  enum class Next { kStart, kCommit, kEnd, kFail, kLeave, kKilled };
  void plan();
  void plan_run();
  std::int64_t done_ms(UnixMs now_ms) const { return base_ms_ + now_ms - ran_ms_ - saved_ms_; }
  wire::AgentEvent commit(std::uint64_t step, bool scheduled);
  wire::AgentEvent end(wire::Outcome outcome, int exit_code, std::uint64_t step);

  Task task_;
  std::set<AgentId> agents_;
  UnixMs placed_ms_;
  UnixMs ran_ms_ = 0;
  std::int64_t base_ms_;         ///< of work, when it began to run
  std::int64_t saved_ms_ = 0;    ///< that commits took since
  std::uint64_t step_;           ///< of its newest commit
  std::uint64_t leaves_at_ = 0;  ///< step
  bool running_ = false;
  bool stopping_ = false;
  bool over_ = false;
  Next next_ = Next::kStart;
  UnixMs next_ms_ = 0;
};

}  // namespace tagalign::replay
