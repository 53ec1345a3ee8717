#include "coordinator/core/placement.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "coordinator/core/pools/serve.h"

namespace tagalign::core {
namespace {

/// An agent and the whole ranks that it can take.
struct Room {
  const Agent* agent;
  int ranks;
};

/// Agents whose ranks reach each other and that one launcher serves.
using Neighbourhood = std::pair<std::string, std::string>;  ///< pool; allocation, if srun starts

bool more_room(const Room& a, const Room& b) {
  return a.ranks != b.ranks ? a.ranks > b.ranks : a.agent->id < b.agent->id;
}

bool may_use(const wire::JobSpec& job, const Agent& agent) {
  return job.pool.empty() || agent.place.pool == job.pool;
}

/// Lowest first, which the agent's open shares leave.
std::vector<int> free_slot_numbers(const State& state, const Agent& agent, int count) {
  std::vector<bool> taken(static_cast<std::size_t>(agent.slots), false);
  for (const JobId id : jobs_on(state, agent.id)) {
    for (const wire::Share* share : open_shares(state.jobs.at(id))) {
      if (share->agent != agent.id) continue;
      for (const int slot : share->slots) {
        if (slot < agent.slots) taken[static_cast<std::size_t>(slot)] = true;
      }
    }
  }
  std::vector<int> free;
  for (int slot = 0; slot < agent.slots && std::ssize(free) < count; ++slot) {
    if (!taken[static_cast<std::size_t>(slot)]) free.push_back(slot);
  }
  return free;
}

bool lasts(const State& state, const Agent& agent, UnixMs until_ms) {
  const UnixMs ends_ms = planned_end_ms(state, agent);
  return ends_ms == 0 || ends_ms >= until_ms;
}

const AgentId* first_with(const State& state, int slots, UnixMs until_ms,
                          const std::set<AgentId>& avoided) {
  const AgentId* first = nullptr;
  for (auto shelf = state.index.free.lower_bound(slots); shelf != state.index.free.end(); ++shelf) {
    for (const AgentId& candidate : shelf->second) {
      if (first && *first < candidate) break;
      if (avoided.contains(candidate)) continue;
      if (!lasts(state, state.agents.at(candidate), until_ms)) continue;
      first = &candidate;
      break;
    }
  }
  return first;
}

int free_in_all(const State& state) {
  int free = 0;
  for (const auto& [slots, agents] : state.index.free) {
    free += slots * static_cast<int>(agents.size());
  }
  return free;
}

using Rooms = std::map<Neighbourhood, std::vector<Room>>;

/// `free_of`: of agents that neither left nor leave.
Rooms rooms_of(const State& state, const wire::JobSpec& job, UnixMs until_ms,
               const std::map<AgentId, int>& free_of, const std::set<AgentId>& avoided) {
  Rooms rooms;
  for (const auto& [id, free] : free_of) {
    const Agent& agent = state.agents.at(id);
    if (avoided.contains(id)) continue;
    if (!may_use(job, agent) || !lasts(state, agent, until_ms)) continue;
    const int ranks = ranks_on_node(job, free);
    if (ranks == 0) continue;
    const bool srun = agent.place.launcher == wire::GangLauncher::kSrun;
    rooms[{agent.place.pool, srun ? agent.place.allocation : ""}].push_back({&agent, ranks});
  }
  return rooms;
}

/// The fewest that hold the job, by name: the largest, and of those that hold what is then left the
/// smallest. Empty when all together are too small or too many.
std::vector<Room> fewest(std::vector<Room> rooms, const wire::JobSpec& job) {
  std::ranges::sort(rooms, more_room);
  std::vector<Room> chosen;
  int left = job.ranks;
  auto rest = rooms.begin();
  for (; rest != rooms.end() && rest->ranks < left; ++rest) {
    chosen.push_back(*rest);
    left -= rest->ranks;
  }
  if (rest == rooms.end()) return {};
  const auto too_small =
      std::find_if(rest, rooms.end(), [&](auto& room) { return room.ranks < left; });
  const int tightest = std::prev(too_small)->ranks;
  const auto last =
      std::find_if(rest, too_small, [&](auto& room) { return room.ranks == tightest; });
  chosen.push_back({last->agent, left});
  if (job.nodes_max > 0 && std::ssize(chosen) > job.nodes_max) return {};
  std::ranges::sort(chosen, {}, [](const Room& room) { return room.agent->id; });
  return chosen;
}

/// Of the neighbourhoods that hold the job, the one that needs the fewest nodes.
std::vector<Room> best_of(Rooms rooms, const wire::JobSpec& job) {
  std::vector<Room> best;
  for (auto& [where, there] : rooms) {
    std::vector<Room> chosen = fewest(std::move(there), job);
    if (!chosen.empty() && (best.empty() || chosen.size() < best.size())) best = std::move(chosen);
  }
  return best;
}

Placement seats(const State& state, const wire::JobSpec& job, const std::vector<Room>& rooms) {
  Placement placement{.shares = {}, .launcher = rooms.front().agent->place.launcher};
  int first_rank = 0;
  for (const auto& [agent, ranks] : rooms) {
    placement.shares.push_back(
        {agent->id, first_rank, free_slot_numbers(state, *agent, ranks * job.slots_per_rank)});
    first_rank += ranks;
  }
  return placement;
}

}  // namespace

int ranks_on_node(const wire::JobSpec& job, int slots) {
  const int ranks = slots / job.slots_per_rank;
  if (job.ranks_per_node == 0) return std::min(ranks, job.ranks);
  return ranks >= job.ranks_per_node ? job.ranks_per_node : 0;
}

int ranks_together(const wire::JobSpec& job, const std::vector<int>& slots_of_nodes) {
  std::vector<int> ranks;
  for (const int slots : slots_of_nodes) ranks.push_back(ranks_on_node(job, slots));
  std::ranges::sort(ranks, std::greater());
  if (job.nodes_max > 0 && std::ssize(ranks) > job.nodes_max)
    ranks.resize(static_cast<std::size_t>(job.nodes_max));
  return std::min(job.ranks, std::accumulate(ranks.begin(), ranks.end(), 0));
}

std::map<std::string, int> ranks_in_pools(const State& state, const wire::JobSpec& job) {
  std::map<std::string, std::vector<int>> slots;
  for (const auto& [id, agent] : state.agents) {
    if (agent.connected && may_use(job, agent)) slots[agent.place.pool].push_back(agent.slots);
  }
  std::map<std::string, int> ranks;
  for (const auto& [pool, of_nodes] : slots) ranks[pool] = ranks_together(job, of_nodes);
  return ranks;
}

Placement place_on(const State& state, const wire::JobSpec& job, const AgentId& agent) {
  return seats(state, job, {{&state.agents.at(agent), job.ranks}});
}

std::vector<AgentId> agents_with_room(const State& state, const wire::JobSpec& job, UnixMs until_ms,
                                      const std::map<AgentId, int>& free) {
  std::vector<AgentId> agents;
  for (const Room& room : best_of(rooms_of(state, job, until_ms, free, {}), job))
    agents.push_back(room.agent->id);
  return agents;
}

std::optional<Placement> find_room(const State& state, const wire::JobSpec& job, UnixMs until_ms,
                                   const std::set<AgentId>& avoided) {
  const int needed = slots_of(job);
  const bool on_one = job.ranks_per_node == 0 || job.ranks_per_node == job.ranks;
  if (on_one && job.pool.empty()) {
    const AgentId* agent = first_with(state, needed, until_ms, avoided);
    if (agent) return place_on(state, job, *agent);
  }
  if (needed > free_in_all(state)) return std::nullopt;
  const auto best = best_of(rooms_of(state, job, until_ms, state.index.free_of, avoided), job);
  if (best.empty()) return std::nullopt;
  return seats(state, job, best);
}

}  // namespace tagalign::core
