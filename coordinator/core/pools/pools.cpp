#include "coordinator/core/pools/pools.h"

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

}  // namespace tagalign::core
