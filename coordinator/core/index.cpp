#include "coordinator/core/index.h"

#include <algorithm>

#include "coordinator/core/state.h"

namespace tagalign::core {
namespace {

/// One mention of `need` among the jobs whose end is enough for `job`.
void add_end_need(State& state, const Job& need, JobId job) {
  if (is_terminal(need.state)) return;
  ++state.index.needs[job].unmet;
  state.index.end_waiters[need.id].push_back(job);
}

/// One mention of `need` in what `job` comes after.
void add_need(State& state, const Job& need, JobId job) {
  if (is_met(need.state)) return;
  Needs& needs = state.index.needs[job];
  ++needs.unmet;
  if (is_terminal(need.state)) {
    ++needs.broken;
  } else {
    state.index.waiters[need.id].push_back(job);
  }
}

Shape shape_of(const Job& job) {
  const wire::JobSpec& spec = job.spec;
  const std::int64_t pace_ms = job.pace.start_ms + job.pace.step_ms + job.pace.save_ms;
  return {slots_of(spec), spec.ranks, spec.ranks_per_node,
          spec.nodes_max, spec.pool,  (pace_ms + 999) / 1000};
}

Seniority seniority_of(const State& state, const Job& job) {
  const auto pattern = state.index.template_of.find(job.id);
  if (pattern == state.index.template_of.end()) return {job.id, 0, job.id};
  return {state.templates[pattern->second].instances.front(), ~job.id.value, job.id};
}

int slots_held(const State& state, WorkflowId workflow) {
  const auto held = state.index.slots_of.find(workflow);
  return held == state.index.slots_of.end() ? 0 : held->second;
}

void line_up(State& state, const Job& job) {
  state.index.ready[shape_of(job)].add(job.workflow, job.priority, seniority_of(state, job),
                                       slots_held(state, job.workflow));
}

void leave_line(State& state, const Job& job) {
  const auto line = state.index.ready.find(shape_of(job));
  if (line == state.index.ready.end()) return;
  line->second.remove(job.workflow, job.priority, seniority_of(state, job),
                      slots_held(state, job.workflow));
  if (line->second.empty()) state.index.ready.erase(line);
}

void count_slots(State& state, const Job& job, const wire::Share& share, int sign) {
  const int change = sign * static_cast<int>(share.slots.size());
  state.index.held_slots[share.agent] += change;
  int& held = state.index.slots_of[job.workflow];
  for (auto& [shape, line] : state.index.ready) line.stand_anew(job.workflow, held, held + change);
  held += change;
}

void count_holder(State& state, const Job& job, int sign) {
  if (holder(job) == nullptr) return;
  auto& holders = state.index.holders_at;
  if ((holders[job.priority] += sign) == 0) holders.erase(job.priority);
}

/// Where a queued job waits: with its needs, with the clock, or for slots only.
void place_queued(State& state, const Job& job, UnixMs not_before_ms) {
  const Needs& needs = state.index.needs[job.id];
  if (needs.broken > 0) {
    state.index.orphans.insert(job.id);
  } else if (needs.unmet > 0 || job.held) {
    return;
  } else if (not_before_ms > state.now_ms) {
    state.index.delayed.emplace(not_before_ms, job.id);
  } else {
    line_up(state, job);
  }
}

void remove_queued(State& state, const Job& job, UnixMs not_before_ms) {
  state.index.orphans.erase(job.id);
  state.index.delayed.erase({not_before_ms, job.id});
  leave_line(state, job);
}

/// Changes what a live job waits for, and where it stands if it is queued.
template <class Change>
void change_needs(State& state, JobId id, Change change) {
  const Job& job = state.jobs.at(id);
  if (is_terminal(job.state)) return;
  const auto* queued = std::get_if<Queued>(&job.state);
  if (queued) remove_queued(state, job, queued->not_before_ms);
  change(state.index.needs[id]);
  if (queued) place_queued(state, job, queued->not_before_ms);
}

template <class Change>
void tell(State& state, std::map<JobId, std::vector<JobId>>& waiters, JobId ended, Change change) {
  const auto found = waiters.find(ended);
  if (found == waiters.end()) return;
  const std::vector<JobId> told = std::move(found->second);
  waiters.erase(found);
  for (const JobId waiter : told) change_needs(state, waiter, change);
}

void tell_waiters(State& state, const Job& job) {
  const bool met = is_met(job.state);
  tell(state, state.index.waiters, job.id,
       [&](Needs& needs) { met ? --needs.unmet : ++needs.broken; });
  tell(state, state.index.end_waiters, job.id, [](Needs& needs) { --needs.unmet; });
}

void note_duration(State& state, const Job& job) {
  const auto* end = std::get_if<Succeeded>(&job.state);
  if (end == nullptr || job.attempts.empty()) return;
  Durations& durations = state.index.durations[family_of(state, job)];
  durations.emplace(std::pair(end->at_ms, job.id), run_ms(job, end->at_ms));
  if (durations.size() > kDurationsKept) durations.erase(durations.begin());
}

void count_needs(State& state, const Job& job) {
  for (const JobId id : job.after_any) add_end_need(state, state.jobs.at(id), job.id);
  for (const JobId id : job.after) add_need(state, state.jobs.at(id), job.id);
  for (const std::size_t pattern : job.after_templates) {
    const Template& followed = state.templates.at(pattern);
    add_need(state, state.jobs.at(followed.source), job.id);
    for (const JobId id : followed.instances) add_need(state, state.jobs.at(id), job.id);
    state.index.template_waiters[pattern].push_back(job.id);
  }
}

}  // namespace

namespace index {

void add_job(State& state, const Job& job) {
  state.index.jobs_of[job.workflow].push_back(job.id);
  note_duration(state, job);
  if (is_terminal(job.state)) return;
  count_needs(state, job);
  enter(state, job);
}

void leave(State& state, const Job& job) {
  if (const auto* queued = std::get_if<Queued>(&job.state)) {
    remove_queued(state, job, queued->not_before_ms);
  }
  count_holder(state, job, -1);
  for (const wire::Share* share : open_shares(job)) {
    state.index.held[share->agent].erase(job.id);
    count_slots(state, job, *share, -1);
    update_agent(state, share->agent);
  }
}

void enter(State& state, const Job& job) {
  if (is_terminal(job.state)) {
    state.index.live.erase(job.id);
    state.index.needs.erase(job.id);
    note_duration(state, job);
    tell_waiters(state, job);
    return;
  }
  state.index.live.insert(job.id);
  if (const auto* queued = std::get_if<Queued>(&job.state)) {
    place_queued(state, job, queued->not_before_ms);
  }
  count_holder(state, job, +1);
  for (const wire::Share* share : open_shares(job)) {
    state.index.held[share->agent].insert(job.id);
    count_slots(state, job, *share, +1);
    update_agent(state, share->agent);
  }
}

void add_instance(State& state, std::size_t pattern, JobId instance) {
  const auto found = state.index.template_waiters.find(pattern);
  if (found == state.index.template_waiters.end()) return;
  std::erase_if(found->second, [&](JobId id) { return is_terminal(state.jobs.at(id).state); });
  for (const JobId waiter : found->second) {
    change_needs(state, waiter, [&](Needs& needs) { ++needs.unmet; });
    state.index.waiters[instance].push_back(waiter);
  }
}

namespace {

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

void update_agent(State& state, const AgentId& id) {
  Index& index = state.index;
  if (const auto found = index.free_of.find(id); found != index.free_of.end()) {
    const auto shelf = index.free.find(found->second);
    shelf->second.erase(id);
    if (shelf->second.empty()) index.free.erase(shelf);
    index.free_of.erase(found);
  }
  const auto agent = state.agents.find(id);
  const bool connected = agent != state.agents.end() && agent->second.connected;
  update_end(index, connected ? &agent->second : nullptr, id);
  if (!connected) return;
  if (is_leaving(state, agent->second)) return;
  const int free = free_slots(state, agent->second);
  index.free[free].insert(id);
  index.free_of[id] = free;
}

void wake(State& state, UnixMs now_ms) {
  auto& delayed = state.index.delayed;
  while (!delayed.empty() && delayed.begin()->first <= now_ms) {
    const Job& job = state.jobs.at(delayed.begin()->second);
    delayed.erase(delayed.begin());
    line_up(state, job);
  }
}

void revive(State& state, const Job& job) {
  for (const std::size_t pattern : job.after_templates)
    std::erase(state.index.template_waiters[pattern], job.id);
  count_needs(state, job);
  enter(state, job);
}

}  // namespace index

void build_index(State& state) {
  state.index = {};
  for (const auto& [id, workflow] : state.workflows) state.index.tokens[workflow.token] = id;
  for (std::size_t i = 0; i < state.templates.size(); ++i) {
    state.index.templates_by_source[state.templates[i].source].push_back(i);
    for (const JobId id : state.templates[i].instances) state.index.template_of[id] = i;
  }
  for (const auto& [id, job] : state.jobs) index::add_job(state, job);
  for (const auto& [id, agent] : state.agents) index::update_agent(state, id);
}

}  // namespace tagalign::core
