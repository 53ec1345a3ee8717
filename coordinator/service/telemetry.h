/// The newest words of running ranks. Kept in memory only: after a restart the next
/// heartbeats bring them back.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "coordinator/wire/messages.h"

namespace tagalign::service {

struct RankView {
  int pid = 0;  ///< 0: not heard yet
  std::uint64_t step = 0;
  std::uint64_t steps_total = 0;
  std::string activity;
};

class Telemetry {
 public:
  void take(const wire::AgentHello& hello) { agent_pids_[hello.agent] = hello.pid; }
  void take(const wire::AgentHeartbeat& heartbeat);
  /// 0 when it has not said hello to this coordinator.
  int agent_pid(const AgentId& agent) const;
  /// Ranks of one attempt; nullptr when none has been heard.
  const std::map<int, RankView>* ranks(JobId job, Attempt attempt) const;
  /// Forgets all attempts of a job: none of them runs.
  void forget(JobId job);

 private:
  RankView& rank(JobId job, Attempt attempt, int rank);
  std::map<std::pair<JobId, Attempt>, std::map<int, RankView>> attempts_;
  std::map<AgentId, int> agent_pids_;
};

}  // namespace tagalign::service
