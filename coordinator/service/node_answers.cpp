#include "coordinator/service/node_answers.h"

#include <algorithm>
#include <map>

#include "base/format.h"

namespace tagalign::service {
namespace {

int ranks_of(const wire::Share& share, int slots_per_rank) {
  return static_cast<int>(share.slots.size()) / slots_per_rank;
}

std::string rank_text(const wire::Share& share, int slots_per_rank) {
  const int ranks = ranks_of(share, slots_per_rank);
  if (ranks == 1) return format("rank {}", share.first_rank);
  return format("ranks {} to {}", share.first_rank, share.first_rank + ranks - 1);
}

std::string joined(const std::vector<int>& numbers) {
  std::string text;
  for (const int number : numbers) text += format("{}{}", text.empty() ? "" : ",", number);
  return text;
}

std::vector<std::string> running_on(const core::State& state, const AgentId& agent) {
  std::vector<std::string> running;
  for (const JobId id : core::jobs_on(state, agent)) {
    const core::Job& job = state.jobs.at(id);
    for (const wire::Share* share : core::open_shares(job)) {
      if (share->agent != agent) continue;
      running.push_back(
          format("{} ({})", job.spec.name, rank_text(*share, job.spec.slots_per_rank)));
    }
  }
  return running;
}

std::string state_of(const core::State& state, const core::Agent& agent) {
  if (!agent.connected) return "lost";
  return agent.slots == 0 || core::is_leaving(state, agent) ? "leaving" : "connected";
}

/// Whole ranks that an agent of so many slots takes of a job.
int capacity(int slots, const wire::JobSpec& job) {
  const int ranks = slots / job.slots_per_rank;
  if (job.ranks_per_node == 0) return ranks;
  return ranks >= job.ranks_per_node ? job.ranks_per_node : 0;
}

/// Ranks that the connected agents of each pool hold together, on no more nodes than allowed.
std::map<std::string, int> capacity_of_pools(const core::State& state, const wire::JobSpec& job) {
  std::map<std::string, std::vector<int>> nodes;
  for (const auto& [id, agent] : state.agents) {
    const bool meant = job.pool.empty() || agent.place.pool == job.pool;
    if (agent.connected && meant) nodes[agent.place.pool].push_back(capacity(agent.slots, job));
  }
  std::map<std::string, int> together;
  for (auto& [pool, ranks] : nodes) {
    std::ranges::sort(ranks, std::greater());
    if (job.nodes_max > 0 && std::ssize(ranks) > job.nodes_max)
      ranks.resize(static_cast<std::size_t>(job.nodes_max));
    for (const int one : ranks) together[pool] += one;
  }
  return together;
}

bool can_come(const core::State& state, const wire::JobSpec& job) {
  for (const auto& [name, pool] : state.pools) {
    if (job.pool.empty() && capacity(pool.slots_per_agent, job) >= job.ranks) return true;
  }
  return std::ranges::any_of(state.pool_records, [&](const auto& entry) {
    return core::could_serve(state, entry.second, job);
  });
}

bool nothing_is_known(const core::State& state) {
  const bool agents =
      std::ranges::any_of(state.agents, [](const auto& entry) { return entry.second.connected; });
  const bool pools = std::ranges::any_of(
      state.pools, [](const auto& entry) { return entry.second.slots_per_agent > 0; });
  return !agents && !pools && state.pool_records.empty();
}

}  // namespace

std::vector<wire::AgentSummary> agent_summaries(const core::State& state,
                                                const Telemetry& telemetry) {
  std::vector<wire::AgentSummary> summaries;
  for (const auto& [id, agent] : state.agents) {
    summaries.push_back({.id = id.value,
                         .host = agent.host,
                         .connected = agent.connected,
                         .slots = agent.slots,
                         .slots_free = core::free_slots(state, agent),
                         .gpus = agent.gpus,
                         .pid = telemetry.agent_pid(id),
                         .node = agent.place.node,
                         .pool = agent.place.pool,
                         .allocation = agent.place.allocation,
                         .since_ms = agent.place.since_ms,
                         .ends_ms = agent.place.ends_ms,
                         .state = state_of(state, agent),
                         .running = running_on(state, id)});
  }
  return summaries;
}

std::vector<std::string> share_lines(const core::AttemptRecord& record, int slots_per_rank) {
  std::vector<std::string> lines;
  for (const wire::Share& share : record.shares) {
    lines.push_back(format("{}: {}, slots {}", share.agent.value, rank_text(share, slots_per_rank),
                           joined(share.slots)));
  }
  return lines;
}

std::string launcher_name(const core::AttemptRecord& record) {
  const bool srun = record.launcher == wire::GangLauncher::kSrun && record.shares.size() > 1;
  return srun ? "srun" : "mpirun";
}

std::string agents_of(const core::AttemptRecord& record) {
  std::string text;
  for (const wire::Share& share : record.shares)
    text += (text.empty() ? "" : ", ") + share.agent.value;
  return text;
}

std::string never_fits(const core::State& state, const wire::JobSpec& job) {
  if (nothing_is_known(state) || can_come(state, job)) return "";
  int most = 0;
  for (const auto& [pool, ranks] : capacity_of_pools(state, job)) most = std::max(most, ranks);
  if (most >= job.ranks) return "";
  return format(
      "job '{}' needs {} ranks of {} slot{}{}; the agents that are connected hold {} of them "
      "together, and no pool grows to it: it waits until more join (tagalign nodes, tagalign pool "
      "add)",
      job.name, job.ranks, job.slots_per_rank, job.slots_per_rank == 1 ? "" : "s",
      job.pool.empty() ? "" : format(" in pool {}", job.pool), most);
}

}  // namespace tagalign::service
