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

void add_commit_need(State& state, const CommitWait& wait, JobId job) {
  const Job& source = state.jobs.at(wait.job);
  if (has_committed(source, wait.step)) return;
  Needs& needs = state.index.needs[job];
  ++needs.unmet;
  if (is_terminal(source.state)) {
    ++needs.broken;
  } else {
    state.index.commit_waiters[source.id].emplace(wait.step, job);
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

bool needs_seat(const Job& job) {
  return !job.spec.group.empty() && !job.seated;
}

Group& group_of(State& state, const Job& job) {
  Group& group = state.index.groups[{job.workflow, job.spec.group}];
  group.live_max = job.spec.group_live_max;
  return group;
}

/// As many stand in line as there are seats left: those that come first.
void fill_seats(State& state, Group& group) {
  const auto send_back = [&](Group::Place last) {
    leave_line(state, state.jobs.at(last.second));
    group.next.erase(last);
    group.waiting.insert(last);
  };
  const auto seats = static_cast<std::ptrdiff_t>(group.live_max) - std::ssize(group.seated);
  while (!group.next.empty() && std::ssize(group.next) > seats) send_back(*group.next.rbegin());
  while (!group.waiting.empty()) {
    const Group::Place first = *group.waiting.begin();
    if (std::ssize(group.next) >= seats) {
      if (group.next.empty() || *group.next.rbegin() < first) return;
      send_back(*group.next.rbegin());
    }
    group.waiting.erase(first);
    group.next.insert(first);
    line_up(state, state.jobs.at(first.second));
  }
}

/// Nothing but a seat of its group, and slots, keep it from starting.
void stand(State& state, const Job& job) {
  if (!needs_seat(job)) return line_up(state, job);
  Group& group = group_of(state, job);
  group.waiting.emplace(-job.priority, job.id);
  fill_seats(state, group);
}

void count_seat(State& state, const Job& job) {
  if (job.spec.group.empty()) return;
  Group& group = group_of(state, job);
  if (job.seated)
    group.seated.insert(job.id);
  else
    group.seated.erase(job.id);
  fill_seats(state, group);
}

void leave_group(State& state, const Job& job) {
  if (job.spec.group.empty()) return;
  Group& group = group_of(state, job);
  group.waiting.erase({-job.priority, job.id});
  group.next.erase({-job.priority, job.id});
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

/// Where a queued job waits: with its needs, with the clock, with its group, or for slots only.
void place_queued(State& state, const Job& job, UnixMs not_before_ms) {
  const auto known = state.index.needs.find(job.id);
  const Needs needs = known == state.index.needs.end() ? Needs{} : known->second;
  if (needs.broken > 0) {
    state.index.orphans.insert(job.id);
  } else if (needs.unmet == 0 && !job.held) {
    if (not_before_ms > state.now_ms)
      state.index.delayed.emplace(not_before_ms, job.id);
    else
      stand(state, job);
  }
  if (!job.spec.group.empty()) fill_seats(state, group_of(state, job));
}

void remove_queued(State& state, const Job& job, UnixMs not_before_ms) {
  leave_group(state, job);
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

/// What it has not committed by its end never comes.
void tell_commit_waiters(State& state, JobId ended) {
  const auto found = state.index.commit_waiters.find(ended);
  if (found == state.index.commit_waiters.end()) return;
  const auto told = std::move(found->second);
  state.index.commit_waiters.erase(found);
  for (const auto& [step, waiter] : told)
    change_needs(state, waiter, [](Needs& needs) { ++needs.broken; });
}

void tell_waiters(State& state, const Job& job) {
  const bool met = is_met(job.state);
  tell(state, state.index.waiters, job.id,
       [&](Needs& needs) { met ? --needs.unmet : ++needs.broken; });
  tell(state, state.index.end_waiters, job.id, [](Needs& needs) { --needs.unmet; });
  tell_commit_waiters(state, job.id);
}

/// A job of `workflow` became live.
void count_live(State& state, WorkflowId workflow) {
  if (++state.index.live_of[workflow] > 1) return;
  const auto since = state.index.over_since.find(workflow);
  if (since == state.index.over_since.end()) return;
  state.index.over.erase({since->second, workflow});
  state.index.over_since.erase(since);
}

void note_over(State& state, WorkflowId workflow) {
  UnixMs last_ms = 0;
  for (const JobId id : state.index.jobs_of.at(workflow))
    last_ms = std::max(last_ms, ended_ms(state.jobs.at(id)));
  state.index.over.emplace(last_ms, workflow);
  state.index.over_since[workflow] = last_ms;
}

/// A job of `workflow` ended.
void count_ended(State& state, WorkflowId workflow) {
  if (--state.index.live_of[workflow] > 0) return;
  state.index.live_of.erase(workflow);
  note_over(state, workflow);
}

void note_duration(State& state, const Job& job) {
  const auto* end = std::get_if<Succeeded>(&job.state);
  if (end == nullptr || job.attempts.empty()) return;
  Durations& durations = state.index.durations[family_of(state, job)];
  durations.emplace(std::pair(end->at_ms, job.id), run_ms(job, end->at_ms));
  if (durations.size() > kDurationsKept) durations.erase(durations.begin());
}

void count_needs(State& state, const Job& job) {
  for (const CommitWait& wait : job.after_commit) add_commit_need(state, wait, job.id);
  for (const JobId id : job.after_any) add_end_need(state, state.jobs.at(id), job.id);
  for (const JobId id : job.after) add_need(state, state.jobs.at(id), job.id);
  for (const std::size_t pattern : job.after_templates) {
    const Template& followed = state.templates.at(pattern);
    add_need(state, state.jobs.at(followed.source), job.id);
    for (const JobId id : followed.instances) add_need(state, state.jobs.at(id), job.id);
    state.index.template_waiters[pattern].push_back(job.id);
  }
}

/// Where a job that was cancelled may still stand: it would be told twice.
void forget_needs(State& state, const Job& job) {
  Index& index = state.index;
  const auto forget = [&](auto& waiters, auto need) {
    const auto found = waiters.find(need);
    if (found != waiters.end()) std::erase(found->second, job.id);
  };
  for (const JobId id : job.after_any) forget(index.end_waiters, id);
  for (const JobId id : job.after) forget(index.waiters, id);
  for (const std::size_t pattern : job.after_templates) {
    forget(index.template_waiters, pattern);
    const Template& followed = state.templates.at(pattern);
    forget(index.waiters, followed.source);
    for (const JobId id : followed.instances) forget(index.waiters, id);
  }
}

void become_live(State& state, const Job& job) {
  state.index.live.insert(state.index.live.end(), job.id);
  count_live(state, job.workflow);
  count_needs(state, job);
  index::enter(state, job);
}

}  // namespace

namespace index {

void add_job(State& state, const Job& job) {
  state.index.jobs_of[job.workflow].push_back(job.id);
  note_duration(state, job);
  note_attempts(state, job);
  if (is_terminal(job.state)) return;
  become_live(state, job);
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
    if (state.index.live.erase(job.id) > 0) count_ended(state, job.workflow);
    state.index.needs.erase(job.id);
    note_duration(state, job);
    tell_waiters(state, job);
    return count_seat(state, job);
  }
  count_seat(state, job);
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

void note_commit(State& state, const Job& job) {
  note_progress(state, job);
  const auto found = state.index.commit_waiters.find(job.id);
  if (found == state.index.commit_waiters.end()) return;
  auto& waiters = found->second;
  while (!waiters.empty() && has_committed(job, waiters.begin()->first)) {
    const JobId waiter = waiters.begin()->second;
    waiters.erase(waiters.begin());
    change_needs(state, waiter, [](Needs& needs) { --needs.unmet; });
  }
  if (waiters.empty()) state.index.commit_waiters.erase(found);
}

void wake(State& state, UnixMs now_ms) {
  auto& delayed = state.index.delayed;
  while (!delayed.empty() && delayed.begin()->first <= now_ms) {
    const Job& job = state.jobs.at(delayed.begin()->second);
    delayed.erase(delayed.begin());
    stand(state, job);
  }
}

void revive(State& state, const Job& job) {
  forget_needs(state, job);
  become_live(state, job);
}

void add_result(State& state, const std::string& key, WorkflowId workflow) {
  state.index.results_of[workflow].push_back(key);
}

void forget(State& state, const Workflow& workflow, const std::vector<JobId>& jobs) {
  Index& index = state.index;
  const auto since = index.over_since.find(workflow.id);
  index.over.erase({since->second, workflow.id});
  index.over_since.erase(since);
  index.slots_of.erase(workflow.id);
  std::erase_if(index.groups, [&](const auto& group) { return group.first.first == workflow.id; });
  for (const JobId id : jobs) {
    const Job& job = state.jobs.at(id);
    index.template_of.erase(id);
    const auto family = index.durations.find(family_of(state, job));
    if (family == index.durations.end()) continue;
    family->second.erase({ended_ms(job), id});
    if (family->second.empty()) index.durations.erase(family);
  }
}

}  // namespace index

void build_index(State& state) {
  state.index = {};
  for (const auto& [id, workflow] : state.workflows) state.index.tokens[workflow.token] = id;
  for (const auto& [id, workflow] : state.archive.workflows)
    state.index.tokens[workflow.token] = id;
  for (std::size_t i = 0; i < state.templates.size(); ++i) {
    if (state.templates[i].source == JobId{}) continue;  // of an archived workflow
    state.index.templates_by_source[state.templates[i].source].push_back(i);
    for (const JobId id : state.templates[i].instances) state.index.template_of[id] = i;
  }
  for (const auto& [id, job] : state.jobs) index::add_job(state, job);
  for (const auto& [id, jobs] : state.index.jobs_of) {
    if (!state.index.live_of.contains(id)) note_over(state, id);
  }
  for (const auto& [key, entry] : state.results) {
    for (const WorkflowId id : entry.workflows) index::add_result(state, key, id);
  }
  for (const auto& [id, agent] : state.agents) index::update_agent(state, id);
}

}  // namespace tagalign::core
