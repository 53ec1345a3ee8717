/// What pools do by themselves: who joined, who is idle, who shall leave, and when it is enough.
#include <algorithm>

#include "base/format.h"
#include "coordinator/core/decide/pools/pool_turn.h"
#include "coordinator/core/decide/runway.h"

namespace tagalign::core {
namespace {

constexpr const char* kStopped = "the coordinator is stopped";

bool works(const State& state, const std::vector<const Agent*>& agents) {
  return std::ranges::any_of(
      agents, [&](const Agent* agent) { return !jobs_on(state, agent->id).empty(); });
}

void join(Turn& turn, const PoolRecord& pool, Allocation allocation) {
  const auto agents = agents_of(turn.state, pool, allocation);
  if (agents.empty()) {
    if (turn.now_ms < allocation.started_ms + turn.mind.policy.pools.join_ms_max) return;
    const std::string why =
        format("{}: no agent of it said hello within {}", label(pool, allocation),
               format_duration(turn.mind.policy.pools.join_ms_max));
    const std::string name = pool.spec.name;
    leave(turn, name, allocation, why);
    return count_failure(turn, name, why);
  }
  allocation.joined = true;
  set(turn, pool.spec.name, allocation);
  note(turn, pool.spec.name,
       format("{} works: agent {} said hello", label(pool, allocation), agents.front()->id.value));
  count_success(turn, pool.spec.name);
}

void watch_idle(Turn& turn, const PoolRecord& pool, const Allocation& allocation) {
  auto& idle_since = turn.mind.pools.idle_since;
  if (works(turn.state, agents_of(turn.state, pool, allocation))) {
    idle_since.erase(allocation.token);
    return;
  }
  const auto since = idle_since.try_emplace(allocation.token, turn.now_ms).first->second;
  const std::int64_t idle_ms = slurm_of(pool)->idle_ms;
  if (turn.now_ms < since + idle_ms) return;
  leave(turn, pool.spec.name, allocation,
        format("nothing ran in it for {}", format_duration(idle_ms)));
}

/// One allocation, which may be gone or another after each of the steps.
void tend(Turn& turn, const std::string& name, const std::string& token) {
  const PoolRecord& pool = record_of(turn, name);
  const Allocation& allocation = pool.allocations.at(token);
  if (allocation.leaving_ms != 0) return repeat_shutdown(turn, pool, allocation);
  if (pool.mode == PoolMode::kRemoving) {
    return leave(turn, name, allocation, format("pool {} is removed", name));
  }
  // Agents that are there have been told by the stop itself, those too of which squeue does not know
  // yet that they run: their jobs go on when the coordinator has started again.
  if (turn.state.stopping && !allocation.joined && agents_of(turn.state, pool, allocation).empty())
    return leave(turn, name, allocation, kStopped);
  if (allocation.stage != AllocationStage::kRunning || turn.state.stopping) return;
  if (!allocation.joined) return join(turn, pool, allocation);
  watch_idle(turn, pool, allocation);
}

/// What waits in Slurm's queue while no job does goes when that lasts. What has agents waits no more,
/// whatever squeue said last.
void drop_unneeded(Turn& turn, const std::string& name) {
  auto& since = turn.mind.pools.unneeded_since;
  const PoolRecord& pool = record_of(turn, name);
  std::vector<Allocation> pending;
  for (const auto& [token, allocation] : pool.allocations) {
    const bool waits = allocation.stage == AllocationStage::kPending &&
                       agents_of(turn.state, pool, allocation).empty();
    if (waits && allocation.leaving_ms == 0) pending.push_back(allocation);
  }
  if (pending.empty() || waiting_jobs(turn.state, pool, 1) > 0) {
    since.erase(name);
    return;
  }
  const UnixMs begun_ms = since.try_emplace(name, turn.now_ms).first->second;
  if (turn.now_ms < begun_ms + slurm_of(pool)->idle_ms) return;
  for (const Allocation& allocation : pending) {
    leave(turn, name, allocation, "no job waits for it any more");
  }
}

void tend_slurm(Turn& turn, const std::string& name) {
  std::vector<std::string> tokens;
  for (const auto& [token, allocation] : record_of(turn, name).allocations) tokens.push_back(token);
  for (const std::string& token : tokens) tend(turn, name, token);
  drop_unneeded(turn, name);
}

void erase_if_empty(Turn& turn, const std::string& name) {
  const PoolRecord& pool = record_of(turn, name);
  if (pool.mode != PoolMode::kRemoving || !pool.allocations.empty()) return;
  // An sbatch that nobody heard of may still come true: squeue will tell, and it is cancelled.
  turn.mind.pools.sweep_until_ms = turn.now_ms + turn.mind.policy.pools.unknown_ms;
  turn.mind.pools.unneeded_since.erase(name);
  turn.record(PoolErased{name});
}

}  // namespace

void repeat_shutdown(Turn& turn, const PoolRecord& pool, const Allocation& allocation) {
  std::map<std::string, UnixMs>& sent = turn.mind.pools.shutdown_sent;
  for (const Agent* agent : agents_of(turn.state, pool, allocation)) {
    if (!sent.try_emplace(agent->id.value, turn.now_ms).second) continue;
    const std::int64_t grace_ms = save_grace_ms(turn.state, agent->id);
    turn.send(agent->id, wire::AgentShutdown{allocation.leaving_why, grace_ms});
  }
}

std::int64_t working_leave_ms(const Turn& turn, const PoolRecord& pool,
                              const Allocation& allocation) {
  std::int64_t longest = limits::kSaveAndLeaveMsMax;
  for (const Agent* agent : agents_of(turn.state, pool, allocation))
    longest = std::max(longest, save_grace_ms(turn.state, agent->id));
  return longest + turn.mind.policy.pools.leave_margin_ms;
}

std::string label(const PoolRecord& pool, const Allocation& allocation) {
  if (!slurm_of(pool)) return allocation.token;
  const std::string name = job_name_of(pool.spec.name, allocation.token);
  if (allocation.number.empty()) return name;
  return format("{} (Slurm job {})", name, allocation.number);
}

void note(Turn& turn, const std::string& pool, std::string text) {
  const bool full = record_of(turn, pool).events.size() >= turn.mind.policy.pools.events_max;
  turn.record(PoolNoted{pool, std::move(text), full});
}

void set(Turn& turn, const std::string& pool, const Allocation& allocation) {
  const auto& known = record_of(turn, pool).allocations;
  const auto found = known.find(allocation.token);
  if (found != known.end() && found->second == allocation) return;
  turn.record(AllocationSet{pool, allocation});
}

void leave(Turn& turn, const std::string& name, Allocation allocation, std::string why) {
  allocation.leaving_ms = turn.now_ms;
  allocation.leaving_why = std::move(why);
  set(turn, name, allocation);
  turn.mind.pools.idle_since.erase(allocation.token);
  const PoolRecord& pool = record_of(turn, name);
  note(turn, name, format("{} shall leave: {}", label(pool, allocation), allocation.leaving_why));
  repeat_shutdown(turn, pool, allocation);
}

std::int64_t back_off_ms(const PoolPolicy& policy, int failures) {
  std::int64_t wait_ms = policy.back_off_ms_min;
  for (int i = 1; i < failures && wait_ms < policy.back_off_ms_max; ++i) wait_ms *= 2;
  return std::min(wait_ms, policy.back_off_ms_max);
}

void pause(Turn& turn, const std::string& pool, std::string why) {
  if (record_of(turn, pool).mode != PoolMode::kOpen) return;
  note(turn, pool, "paused: " + why);
  turn.alert(format("pool {} is paused: {}", pool, why));
  turn.record(PoolModeSet{pool, PoolMode::kPaused, std::move(why)});
}

void count_failure(Turn& turn, const std::string& name, const std::string& why) {
  const PoolPolicy& policy = turn.mind.policy.pools;
  const int failures = record_of(turn, name).failures + 1;
  const std::int64_t wait_ms = back_off_ms(policy, failures);
  turn.record(PoolDelayed{name, failures, turn.now_ms + wait_ms, why});
  if (failures >= policy.failures_max) {
    return pause(turn, name,
                 format("{} allocations in a row were refused or died, the last: {}; mend that, "
                        "then `tagalign pool resume {}`",
                        failures, why, name));
  }
  note(turn, name,
       format("{} of {} failures in a row: nothing is asked for within {}", failures,
              policy.failures_max, format_duration(wait_ms)));
}

void count_success(Turn& turn, const std::string& pool) {
  const PoolRecord& record = record_of(turn, pool);
  if (record.failures != 0 || record.not_before_ms != 0) turn.record(PoolDelayed{pool, 0, 0, ""});
}

std::optional<UnixMs> next_look(const Mind& mind, const State& state) {
  if (state.pool_records.empty() && !needs_slurm(mind.pools, state)) return std::nullopt;
  return mind.pools.looked_ms + mind.policy.pools.look_ms;
}

void tend_pools(Turn& turn) {
  const auto look_ms = next_look(turn.mind, turn.state);
  if (!look_ms || turn.now_ms < *look_ms) return;
  turn.mind.pools.looked_ms = turn.now_ms;
  std::erase_if(turn.mind.pools.shutdown_sent,
                [&](const auto& sent) { return turn.now_ms >= sent.second + kResendMs; });
  std::vector<std::string> names;
  for (const auto& [name, pool] : turn.state.pool_records) names.push_back(name);
  for (const std::string& name : names) {
    slurm_of(record_of(turn, name)) ? tend_slurm(turn, name) : tend_ssh(turn, name);
    erase_if_empty(turn, name);
  }
  call_slurm(turn);
}

void forget_calls(PoolMemory& memory) {
  const PoolMemory kept = std::move(memory);
  memory = {};
  memory.calls = kept.calls;
  memory.sweep_until_ms = kept.sweep_until_ms;
  memory.queue_asked_ms = kept.queue_asked_ms;
}

bool pools_are_quiet(const Mind& mind, const State& state) {
  if (mind.pools.on_its_way) return false;
  for (const auto& [name, pool] : state.pool_records) {
    for (const auto& [token, allocation] : pool.allocations) {
      const bool waits = !allocation.number.empty() && !allocation.joined;
      if (waits && !mind.pools.cancelled.contains(allocation.number)) return false;
    }
  }
  return true;
}

}  // namespace tagalign::core
