#include "coordinator/core/decide/reserve.h"

#include <algorithm>
#include <limits>
#include <map>

#include "coordinator/core/decide/estimates.h"
#include "coordinator/core/decide/runway.h"

namespace tagalign::core {
namespace {

constexpr UnixMs kNobodyKnows = std::numeric_limits<UnixMs>::max();

using Ends = std::vector<std::pair<UnixMs, const Job*>>;

/// Jobs that hold slots, by when they are expected to give them back.
Ends ends_of(const State& state, UnixMs now_ms) {
  std::set<JobId> holders;
  for (const auto& [agent, jobs] : state.index.held) holders.insert(jobs.begin(), jobs.end());
  Ends ends;
  for (const JobId id : holders) {
    const Job& job = state.jobs.at(id);
    ends.emplace_back(expected_end_ms(state, job, now_ms).value_or(kNobodyKnows), &job);
  }
  std::ranges::sort(ends, [](const auto& a, const auto& b) {
    return std::pair(a.first, a.second->id) < std::pair(b.first, b.second->id);
  });
  return ends;
}

/// Free slots once the first `count` of them have ended.
std::map<AgentId, int> free_after(const State& state, const Ends& ends, std::size_t count) {
  std::map<AgentId, int> free = state.index.free_of;
  for (std::size_t i = 0; i < count; ++i) {
    for (const wire::Share* share : open_shares(*ends[i].second)) {
      const auto agent = free.find(share->agent);
      if (agent != free.end()) agent->second += static_cast<int>(share->slots.size());
    }
  }
  return free;
}

}  // namespace

std::optional<Reservation> reserve(const State& state, const Job& job, UnixMs now_ms) {
  const Ends ends = ends_of(state, now_ms);
  const auto room_after = [&](std::size_t count) {
    return agents_with_room(state, job.spec, now_ms + runway_ms(job),
                            free_after(state, ends, count));
  };
  if (room_after(ends.size()).empty()) return std::nullopt;
  std::size_t too_few = 0, enough = ends.size();
  while (too_few < enough) {
    const std::size_t middle = too_few + (enough - too_few) / 2;
    if (room_after(middle).empty())
      too_few = middle + 1;
    else
      enough = middle;
  }
  const std::vector<AgentId> agents = room_after(enough);
  Reservation kept{job.id, {agents.begin(), agents.end()}, now_ms};
  if (enough > 0) kept.at_ms = ends[enough - 1].first;
  if (kept.at_ms == kNobodyKnows) kept.at_ms.reset();
  return kept;
}

bool ends_in_time(const State& state, const Policy& policy, const Reservation& kept, const Job& job,
                  UnixMs now_ms) {
  const auto run_ms = expected_run_ms(state, job, now_ms);
  if (run_ms) return !kept.at_ms || now_ms + *run_ms <= *kept.at_ms;
  const auto* waits = std::get_if<Queued>(&state.jobs.at(kept.job).state);
  return !kept.at_ms && waits != nullptr && now_ms < waits->since_ms + policy.patience_ms;
}

std::vector<const Job*> first_in_line(const State& state) {
  std::vector<Standing> standings;
  for (const auto& [shape, line] : state.index.ready) standings.push_back(line.front());
  std::ranges::sort(standings);
  std::vector<const Job*> jobs;
  for (const Standing& standing : standings) jobs.push_back(&state.jobs.at(standing.first.job));
  return jobs;
}

std::optional<Reservation> kept_room(const State& state, const Policy& policy, UnixMs now_ms) {
  for (const Job* job : first_in_line(state)) {
    if (policy.place(state, job->spec, now_ms + runway_ms(*job), {})) continue;
    if (auto kept = reserve(state, *job, now_ms)) return kept;
  }
  return std::nullopt;
}

}  // namespace tagalign::core
