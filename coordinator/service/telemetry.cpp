#include "coordinator/service/telemetry.h"

namespace tagalign::service {

RankView& Telemetry::rank(JobId job, Attempt attempt, int rank) {
  return attempts_[{job, attempt}][rank];
}

void Telemetry::take(const protocol::AgentHeartbeat& heartbeat) {
  for (const auto& hello : heartbeat.ranks) {
    rank(hello.job, hello.attempt, hello.rank).pid = hello.pid;
  }
  for (const auto& beat : heartbeat.beats) {
    RankView& view = rank(beat.job, beat.attempt, beat.rank);
    view.step = beat.step;
    view.steps_total = beat.steps_total;
    view.activity = beat.activity;
  }
}

const std::map<int, RankView>* Telemetry::ranks(JobId job, Attempt attempt) const {
  const auto found = attempts_.find({job, attempt});
  return found == attempts_.end() ? nullptr : &found->second;
}

int Telemetry::agent_pid(const AgentId& agent) const {
  const auto found = agent_pids_.find(agent);
  return found == agent_pids_.end() ? 0 : found->second;
}

void Telemetry::keep_only(const std::map<JobId, Attempt>& running) {
  std::erase_if(attempts_, [&](const auto& entry) {
    const auto found = running.find(entry.first.first);
    return found == running.end() || found->second != entry.first.second;
  });
}

}  // namespace tagalign::service
