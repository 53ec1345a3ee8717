#include "coordinator/service/telemetry.h"

namespace tagalign::service {

RankView& Telemetry::rank(JobId job, Attempt attempt, int rank) {
  return attempts_[{job, attempt}][rank];
}

void Telemetry::take(const wire::AgentHeartbeat& heartbeat) {
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

void Telemetry::forget(JobId job) {
  const auto begin = attempts_.lower_bound({job, Attempt{0}});
  attempts_.erase(begin, attempts_.lower_bound({JobId{job.value + 1}, Attempt{0}}));
}

}  // namespace tagalign::service
