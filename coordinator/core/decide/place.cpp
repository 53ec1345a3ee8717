/// Which job starts where: by id, each on the first agent by name that has room for all its ranks.
#include <optional>

#include "coordinator/core/decide/turn.h"

namespace tagalign::core {
namespace {

const AgentId* first_by_name(const State& state, int slots) {
  const AgentId* first = nullptr;
  for (auto shelf = state.index.free.lower_bound(slots); shelf != state.index.free.end(); ++shelf) {
    const AgentId& candidate = *shelf->second.begin();
    if (!first || candidate < *first) first = &candidate;
  }
  return first;
}

/// The ready job of the lowest id for which some agent has room.
const Job* next_job(const State& state) {
  if (state.index.free.empty()) return nullptr;
  const int largest = state.index.free.rbegin()->first;
  std::optional<JobId> lowest;
  for (const auto& [slots, jobs] : state.index.ready) {
    if (slots > largest) break;
    if (!lowest || *jobs.begin() < *lowest) lowest = *jobs.begin();
  }
  return lowest ? &state.jobs.at(*lowest) : nullptr;
}

}  // namespace

void place_ready(Turn& turn) {
  if (turn.state.stopping) return;
  index::wake(turn.state, turn.now_ms);
  const auto choose = turn.mind.policy.choose_agent ? turn.mind.policy.choose_agent : first_by_name;
  while (const Job* job = next_job(turn.state)) {
    const AgentId* agent = choose(turn.state, slots_of(job->spec));
    TA_CHECK(agent != nullptr, "an agent with enough free slots was counted but not chosen");
    turn.record(AttemptPlaced{job->id, Attempt{job->attempt.value + 1}, *agent});
    send_launch(turn, *job);
  }
}

void send_launch(Turn& turn, const Job& job) {
  wire::Launch message;
  message.job = job.id;
  message.attempt = job.attempt;
  message.job_name = job.spec.name;
  message.kind = job.spec.kind;
  message.ranks = job.spec.ranks;
  message.slots_per_rank = job.spec.slots_per_rank;
  message.workspace = turn.state.workflows.at(job.workflow).workspace;
  message.config_yaml = job.spec.config_yaml;
  message.overrides = job.spec.overrides;
  turn.send(*holder(job), std::move(message));
  remind(turn, job);
}

}  // namespace tagalign::core
