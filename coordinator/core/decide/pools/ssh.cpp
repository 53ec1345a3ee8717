/// Agents on hosts without Slurm: one on each, started again when it ends, ever more seldom.
#include "base/format.h"
#include "coordinator/core/decide/pools/pool_turn.h"

namespace tagalign::core {
namespace {

const wire::SshSource& ssh_of(const PoolRecord& pool) {
  return std::get<wire::SshSource>(pool.spec.source);
}

void start(Turn& turn, const PoolRecord& pool, const wire::SshHost& host) {
  const auto known = pool.allocations.find(host.host);
  Allocation allocation;
  if (known != pool.allocations.end()) allocation = known->second;
  if (turn.now_ms < allocation.not_before_ms) return;
  allocation.token = host.host;
  allocation.nodes = host.host;
  allocation.stage = AllocationStage::kRunning;
  allocation.slurm_state = "";
  allocation.asked_ms = turn.now_ms;
  allocation.started_ms = turn.now_ms;
  set(turn, pool.spec.name, allocation);
  turn.mind.pools.ssh_started.insert({pool.spec.name, host.host});
  turn.decision.effects.push_back(StartSshAgent{pool.spec, host});
}

/// An agent that an earlier coordinator started is found by the one that starts it; one that
/// ended in between is missed by nobody but it.
void tend_running(Turn& turn, const PoolRecord& pool, const wire::SshHost& host,
                  Allocation allocation) {
  if (turn.mind.pools.ssh_started.insert({pool.spec.name, host.host}).second) {
    turn.decision.effects.push_back(StartSshAgent{pool.spec, host});
  }
  const auto agents = agents_of(turn.state, pool, allocation);
  if (allocation.joined || agents.empty()) return;
  allocation.joined = true;
  allocation.failures = 0;
  set(turn, pool.spec.name, allocation);
  note(turn, pool.spec.name,
       format("{} works: agent {} said hello with {} slots", host.host, agents.front()->id.value,
              agents.front()->slots));
}

void tend_leaving(Turn& turn, const PoolRecord& pool, const Allocation& allocation) {
  if (turn.now_ms < allocation.leaving_ms + working_leave_ms(turn, pool, allocation)) {
    repeat_shutdown(turn, pool, allocation);
    if (allocation.joined) return;
  }
  turn.decision.effects.push_back(EndSshAgent{pool.spec.name, allocation.token});
}

void remove_host(Turn& turn, const PoolRecord& pool, const Allocation& allocation) {
  const std::string name = pool.spec.name;
  if (allocation.leaving_ms != 0) return tend_leaving(turn, pool, allocation);
  if (allocation.stage == AllocationStage::kPending) {
    return turn.record(AllocationGone{name, allocation.token});
  }
  leave(turn, name, allocation, format("pool {} is removed", name));
}

}  // namespace

void tend_ssh(Turn& turn, const std::string& name) {
  const PoolRecord& pool = record_of(turn, name);
  for (const wire::SshHost& host : ssh_of(pool).hosts) {
    const auto known = pool.allocations.find(host.host);
    const bool there = known != pool.allocations.end();
    if (pool.mode == PoolMode::kRemoving) {
      if (there) remove_host(turn, pool, Allocation(known->second));
    } else if (turn.state.stopping) {
      continue;
    } else if (there && known->second.stage == AllocationStage::kRunning) {
      tend_running(turn, pool, host, known->second);
    } else if (pool.mode == PoolMode::kOpen) {
      start(turn, pool, host);
    }
  }
}

void handle(Turn& turn, const SshAgentEnded& input) {
  const auto pool = turn.state.pool_records.find(input.pool);
  if (pool == turn.state.pool_records.end()) return;
  const auto found = pool->second.allocations.find(input.host);
  if (found == pool->second.allocations.end()) return;
  turn.mind.pools.ssh_started.erase({input.pool, input.host});
  Allocation allocation = found->second;
  note(turn, input.pool, format("{}: {}", input.host, input.message));
  if (allocation.leaving_ms != 0) {
    return turn.record(AllocationGone{input.pool, input.host});
  }
  const PoolPolicy& policy = turn.mind.policy.pools;
  allocation.failures = allocation.joined ? 1 : allocation.failures + 1;
  allocation.joined = false;
  allocation.stage = AllocationStage::kPending;
  allocation.started_ms = 0;
  allocation.slurm_state = "down";
  allocation.reason = input.message;
  allocation.not_before_ms = turn.now_ms + back_off_ms(policy, allocation.failures);
  set(turn, input.pool, allocation);
  if (allocation.failures < policy.failures_max || turn.state.stopping) return;
  pause(turn, input.pool,
        format("the agent on {} ended {} times in a row without a hello, the last: {}; mend that, "
               "then `tagalign pool resume {}`",
               input.host, allocation.failures, input.message, input.pool));
}

}  // namespace tagalign::core
