#include "coordinator/core/pools/serve.h"

#include <algorithm>

#include "base/limits.h"
#include "coordinator/core/decide/runway.h"
#include "coordinator/core/placement.h"

namespace tagalign::core {
namespace {

constexpr std::int64_t kMsPerSecond = 1'000;

/// By how much Slurm's signal comes before the agents would be told.
std::int64_t early_ms(const wire::SlurmSource& slurm) {
  return std::max<std::int64_t>(
      0, slurm.signal_before_end_s * kMsPerSecond - limits::kLeaveBeforeEndMs);
}

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

bool could_serve(const State& state, const PoolRecord& pool, const Job& job) {
  const wire::JobSpec& spec = job.spec;
  if (!spec.pool.empty() && spec.pool != pool.spec.name) return false;
  const auto* slurm = std::get_if<wire::SlurmSource>(&pool.spec.source);
  if (slurm && slurm->time_limit_s * kMsPerSecond - early_ms(*slurm) < runway_ms(job)) return false;
  const std::vector<int> slots = node_slots(state, pool);
  return std::ranges::find(slots, 0) != slots.end() || ranks_together(spec, slots) >= spec.ranks;
}

UnixMs planned_end_ms(const State& state, const Agent& agent) {
  const UnixMs ends_ms = agent.place.ends_ms;
  const auto pool = state.pool_records.find(agent.place.pool);
  if (ends_ms == 0 || pool == state.pool_records.end()) return ends_ms;
  const auto* slurm = std::get_if<wire::SlurmSource>(&pool->second.spec.source);
  return slurm ? ends_ms - early_ms(*slurm) : ends_ms;
}

}  // namespace tagalign::core
