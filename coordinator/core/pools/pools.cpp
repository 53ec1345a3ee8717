#include "coordinator/core/pools.h"

#include <algorithm>

#include "base/format.h"
#include "coordinator/core/state.h"

namespace tagalign::core {
namespace {

constexpr std::string_view kNamePrefix = "tagalign-";

bool is_of(const Agent& agent, const PoolRecord& pool, const Allocation& allocation) {
  if (agent.place.pool != pool.spec.name) return false;
  const bool ssh = std::holds_alternative<wire::SshSource>(pool.spec.source);
  return ssh ? agent.id.value == ssh_agent_id(pool.spec.name, allocation.token)
             : !allocation.number.empty() && agent.place.allocation == allocation.number;
}

/// Ranks of `job` that one node with `slots` holds; 0: the node is too small.
int ranks_on_node(const wire::JobSpec& job, int slots) {
  const int fit = slots / std::max(1, job.slots_per_rank);
  if (job.ranks_per_node == 0) return std::min(fit, job.ranks);
  return fit < job.ranks_per_node ? 0 : job.ranks_per_node;
}

bool fits(const wire::JobSpec& job, const std::vector<int>& slots) {
  int ranks = 0;
  int nodes = 0;
  for (const int of_node : slots) {
    if (ranks >= job.ranks || (job.nodes_max > 0 && nodes == job.nodes_max)) break;
    const int held = ranks_on_node(job, of_node);
    if (held == 0) break;
    ranks += held;
    ++nodes;
  }
  return ranks >= job.ranks;
}

/// Slots of each node that a gang could have, the largest first; 0 where not known.
std::vector<int> node_slots(const State& state, const PoolRecord& pool) {
  const int known = slots_per_node(state, pool);
  if (const auto* slurm = std::get_if<wire::SlurmSource>(&pool.spec.source)) {
    return std::vector<int>(static_cast<std::size_t>(slurm->nodes), known);
  }
  std::vector<int> slots;
  for (const wire::SshHost& host : std::get<wire::SshSource>(pool.spec.source).hosts) {
    slots.push_back(host.slots > 0 ? host.slots : known);
  }
  std::ranges::sort(slots, std::greater());
  return slots;
}

}  // namespace

std::string job_name_of(std::string_view pool, std::string_view token) {
  return format("{}{}-{}", kNamePrefix, pool, token);
}

std::optional<PoolAndToken> read_job_name(std::string_view name) {
  if (!name.starts_with(kNamePrefix)) return std::nullopt;
  name.remove_prefix(kNamePrefix.size());
  const auto dash = name.rfind('-');
  if (dash == std::string_view::npos || dash == 0 || dash + 1 == name.size()) return std::nullopt;
  return PoolAndToken{std::string(name.substr(0, dash)), std::string(name.substr(dash + 1))};
}

std::string ssh_agent_id(std::string_view pool, std::string_view host) {
  return format("{}-{}", pool, host.substr(host.find('@') + 1));
}

const Allocation* allocation_of(const State& state, const Agent& agent) {
  if (agent.place.pool.empty()) return nullptr;
  const auto pool = state.pool_records.find(agent.place.pool);
  if (pool == state.pool_records.end()) return nullptr;
  for (const auto& [token, allocation] : pool->second.allocations) {
    if (is_of(agent, pool->second, allocation)) return &allocation;
  }
  return nullptr;
}

bool is_leaving(const State& state, const Agent& agent) {
  const Allocation* allocation = allocation_of(state, agent);
  return allocation && allocation->leaving_ms != 0;
}

std::vector<const Agent*> agents_of(const State& state, const PoolRecord& pool,
                                    const Allocation& allocation) {
  std::vector<const Agent*> agents;
  for (const auto& [id, agent] : state.agents) {
    if (agent.connected && is_of(agent, pool, allocation)) agents.push_back(&agent);
  }
  return agents;
}

int slots_per_node(const State& state, const PoolRecord& pool) {
  if (const auto* slurm = std::get_if<wire::SlurmSource>(&pool.spec.source)) {
    if (slurm->gpus_per_node > 0) return slurm->gpus_per_node;
    if (slurm->cpus_per_node > 0) return slurm->cpus_per_node;
  }
  int most = 0;
  for (const auto& [id, agent] : state.agents) {
    if (agent.place.pool == pool.spec.name) most = std::max(most, agent.slots);
  }
  return most;
}

bool could_serve(const State& state, const PoolRecord& pool, const wire::JobSpec& job) {
  if (!job.pool.empty() && job.pool != pool.spec.name) return false;
  const std::vector<int> slots = node_slots(state, pool);
  return std::ranges::find(slots, 0) != slots.end() || fits(job, slots);
}

}  // namespace tagalign::core
