#include "coordinator/core/scheduler.h"

#include "coordinator/core/dependencies.h"

namespace tagalign::core {
namespace {

using FreeSlots = std::map<AgentId, int>;

FreeSlots count_free(const State& state) {
  FreeSlots free;
  for (const auto& [id, agent] : state.agents) {
    if (agent.connected) free[id] = agent.slots;
  }
  for (JobId id : state.live) {
    const Job& job = state.jobs.at(id);
    const AgentId* agent = holder(job);
    if (agent && free.contains(*agent)) free[*agent] -= slots_of(job.spec);
  }
  return free;
}

const AgentId* place(const FreeSlots& free, int slots) {
  for (const auto& [agent, count] : free) {
    if (count >= slots) return &agent;
  }
  return nullptr;
}

bool ready(const State& state, const Job& job, UnixMs now_ms) {
  const auto* queued = std::get_if<Queued>(&job.state);
  return queued && queued->not_before_ms <= now_ms && dependencies_met(state, job);
}

void launch(Turn& turn, Job& job, const AgentId& agent) {
  ++job.attempt.value;
  AttemptRecord record;
  record.attempt = job.attempt;
  record.agent = agent;
  record.started_ms = turn.now_ms;
  job.attempts.push_back(std::move(record));
  set_state(turn.state, job, Starting{agent, turn.now_ms, turn.now_ms});
  turn.send(agent, launch_message(turn.state, job));
}

}  // namespace

void schedule(Turn& turn) {
  FreeSlots free = count_free(turn.state);
  for (JobId id : turn.state.live) {
    Job& job = turn.state.jobs.at(id);
    const AgentId* agent = place(free, slots_of(job.spec));
    if (!agent || !ready(turn.state, job, turn.now_ms)) continue;
    free[*agent] -= slots_of(job.spec);
    launch(turn, job, *agent);
  }
}

protocol::Launch launch_message(const State& state, const Job& job) {
  protocol::Launch message;
  message.job = job.id;
  message.attempt = job.attempt;
  message.job_name = job.spec.name;
  message.kind = job.spec.kind;
  message.ranks = job.spec.ranks;
  message.slots_per_rank = job.spec.slots_per_rank;
  message.workspace = state.workflows.at(job.workflow).workspace;
  message.config_yaml = job.spec.config_yaml;
  message.overrides = job.spec.overrides;
  return message;
}

}  // namespace tagalign::core
