/// Slots for a job of higher priority. Those who give theirs save first and come back by themselves.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "base/format.h"
#include "coordinator/core/decide/runway.h"
#include "coordinator/core/decide/turn.h"

namespace tagalign::core {
namespace {

using Free = std::map<AgentId, int>;

/// What a job would lose, or have to do again: its slots times the time since it last was durable.
std::int64_t unsaved_slot_ms(const Job& job, UnixMs now_ms) {
  UnixMs durable_ms = job.attempts.back().started_ms;
  for (const auto& [step, commit] : job.checkpoints)
    durable_ms = std::max(durable_ms, commit.second);
  return slots_of(job.spec) * std::max<std::int64_t>(0, now_ms - durable_ms);
}

/// Who was preempted must get on before it is preempted again: until then, or until now.
UnixMs spared_until_ms(const Turn& turn, const Job& job) {
  const UnixMs begun_ms = job.attempts.back().started_ms;
  const bool banked = std::ranges::any_of(
      job.checkpoints, [&](const auto& entry) { return entry.second.second > begun_ms; });
  return banked ? turn.now_ms : begun_ms + turn.mind.policy.preempt_after_ms;
}

/// One that gives its slots only later: then it is looked at again.
void look_again(Turn& turn, UnixMs at_ms) {
  auto& again = turn.mind.reminders.room_again;
  if (!again || at_ms < *again) again = at_ms;
}

/// Jobs that may be asked, the cheapest first: lowest priority, least that is unsaved, youngest.
std::vector<const Job*> victims_for(Turn& turn, const Job& wants) {
  std::vector<const Job*> victims;
  for (const auto& [agent, jobs] : turn.state.index.held) {
    for (const JobId id : jobs) {
      const Job& job = turn.state.jobs.at(id);
      const bool first = open_shares(job).front()->agent == agent;
      if (!first || job.priority >= wants.priority || !job.attempts.back().ends.empty()) continue;
      if (!std::holds_alternative<Running>(job.state)) continue;
      const UnixMs spared_ms = spared_until_ms(turn, job);
      if (spared_ms <= turn.now_ms)
        victims.push_back(&job);
      else
        look_again(turn, spared_ms);
    }
  }
  std::ranges::sort(victims, {}, [&](const Job* job) {
    return std::tuple(job->priority, unsaved_slot_ms(*job, turn.now_ms), ~job->id.value);
  });
  return victims;
}

void add(Free& free, const Job& job, int sign) {
  for (const wire::Share* share : open_shares(job)) {
    const auto agent = free.find(share->agent);
    if (agent != free.end()) agent->second += sign * static_cast<int>(share->slots.size());
  }
}

/// Slots that are free, and those of jobs that leave already.
Free soon_free(const State& state) {
  Free free = state.index.free_of;
  std::set<JobId> leaving;
  for (const auto& [agent, jobs] : state.index.held) leaving.insert(jobs.begin(), jobs.end());
  for (const JobId id : leaving) {
    const Job& job = state.jobs.at(id);
    if (std::holds_alternative<Saving>(job.state) || !job.attempts.back().ends.empty())
      add(free, job, +1);
  }
  return free;
}

/// The cheapest victims that together make room, none of whom could be spared. Empty: all of them do
/// not, or enough leave already.
std::vector<const Job*> enough_victims(Turn& turn, const Job& wants) {
  Free free = soon_free(turn.state);
  const auto fits = [&] {
    const UnixMs until_ms = turn.now_ms + runway_ms(wants);
    return !agents_with_room(turn.state, wants.spec, until_ms, free).empty();
  };
  if (fits()) return {};
  std::vector<const Job*> chosen;
  for (const Job* victim : victims_for(turn, wants)) {
    add(free, *victim, +1);
    chosen.push_back(victim);
    if (fits()) break;
  }
  if (!fits()) return {};
  for (std::size_t i = chosen.size(); i-- > 0;) {
    add(free, *chosen[i], -1);
    if (fits())
      chosen.erase(chosen.begin() + static_cast<std::ptrdiff_t>(i));
    else
      add(free, *chosen[i], +1);
  }
  return chosen;
}

}  // namespace

void make_room(Turn& turn, const std::vector<JobId>& waiting) {
  turn.mind.reminders.room_again.reset();
  if (!turn.mind.policy.preemption) return;
  for (const JobId id : waiting) {
    const Job& wants = turn.state.jobs.at(id);
    const auto& holders = turn.state.index.holders_at;
    if (holders.empty() || holders.begin()->first >= wants.priority) return;
    const std::vector<const Job*> victims = enough_victims(turn, wants);
    const std::string reason =
        format("makes room for {}, whose priority is {}", label(wants), wants.priority);
    for (const Job* victim : victims) ask_to_leave(turn, *victim, reason, true);
    if (!victims.empty()) return;
  }
}

}  // namespace tagalign::core
