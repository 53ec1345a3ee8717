/// What the index keeps of agents: free slots, ends of allocations, probes, and how attempts went.
#include <algorithm>

#include "coordinator/core/index.h"
#include "coordinator/core/state.h"

namespace tagalign::core {
namespace {

bool went_well(wire::Outcome outcome) {
  return outcome == wire::Outcome::kSucceeded || outcome == wire::Outcome::kSavedAndLeft;
}

void note_good(State& state, const AttemptRecord& record, UnixMs at_ms) {
  for (const wire::Share& share : record.shares) {
    UnixMs& good_ms = state.index.good_at[share.agent];
    good_ms = std::max(good_ms, at_ms);
  }
}

/// Where a drained agent waits for the time at which it may be tried.
void update_probe(State& state, const AgentId& id) {
  Index& index = state.index;
  if (const auto found = index.probe_of.find(id); found != index.probe_of.end()) {
    index.probes.erase({found->second, id});
    index.probe_of.erase(found);
  }
  const auto health = state.health.find(id);
  if (health == state.health.end() || health->second.drains == 0 || health->second.on_probe) return;
  index.probes.emplace(health->second.probe_ms, id);
  index.probe_of[id] = health->second.probe_ms;
}

void update_end(Index& index, const Agent* agent, const AgentId& id) {
  if (const auto found = index.end_of.find(id); found != index.end_of.end()) {
    index.ends.erase({found->second, id});
    index.end_of.erase(found);
  }
  if (agent == nullptr || agent->place.ends_ms == 0) return;
  index.ends.emplace(agent->place.ends_ms, id);
  index.end_of[id] = agent->place.ends_ms;
}

}  // namespace

namespace index {

void note_attempts(State& state, const Job& job) {
  for (const AttemptRecord& record : job.attempts) {
    if (record.outcome && went_well(*record.outcome)) note_good(state, record, record.ended_ms);
    for (const auto& [step, commit] : job.checkpoints) {
      const bool within = commit.second >= record.started_ms &&
                          (!record.outcome || commit.second <= record.ended_ms);
      if (within) note_good(state, record, commit.second);
    }
  }
}

void note_progress(State& state, const Job& job) {
  if (holder(job)) note_good(state, job.attempts.back(), state.now_ms);
}

void note_end(State& state, const Job& job) {
  const AttemptRecord& record = job.attempts.back();
  if (went_well(*record.outcome)) note_good(state, record, record.ended_ms);
}

void update_agent(State& state, const AgentId& id) {
  Index& index = state.index;
  if (const auto found = index.free_of.find(id); found != index.free_of.end()) {
    const auto shelf = index.free.find(found->second);
    shelf->second.erase(id);
    if (shelf->second.empty()) index.free.erase(shelf);
    index.free_of.erase(found);
  }
  update_probe(state, id);
  const auto agent = state.agents.find(id);
  const bool connected = agent != state.agents.end() && agent->second.connected;
  update_end(index, connected ? &agent->second : nullptr, id);
  if (!connected) return;
  if (is_leaving(state, agent->second) || is_withheld(state, id)) return;
  const int free = free_slots(state, agent->second);
  index.free[free].insert(id);
  index.free_of[id] = free;
}

}  // namespace index
}  // namespace tagalign::core
