#include "coordinator/core/pools/serve.h"

#include <algorithm>

#include "coordinator/core/placement.h"

namespace tagalign::core {
namespace {

/// Slots of each node that a gang could have; 0 where not known.
std::vector<int> node_slots(const State& state, const PoolRecord& pool) {
  const int known = slots_per_node(state, pool);
  if (const auto* slurm = std::get_if<wire::SlurmSource>(&pool.spec.source)) {
    return std::vector<int>(static_cast<std::size_t>(slurm->nodes), known);
  }
  std::vector<int> slots;
  for (const wire::SshHost& host : std::get<wire::SshSource>(pool.spec.source).hosts) {
    slots.push_back(host.slots > 0 ? host.slots : known);
  }
  return slots;
}

}  // namespace

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
  return std::ranges::find(slots, 0) != slots.end() || ranks_together(job, slots) >= job.ranks;
}

}  // namespace tagalign::core
