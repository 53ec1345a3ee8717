/// What Slurm is asked next. One call at a time, and never one for each job or allocation: squeue
/// answers for all, sacct and scancel take lists.
#include <algorithm>

#include "base/format.h"
#include "coordinator/core/decide/pools/pool_turn.h"
#include "coordinator/core/pools/serve.h"

namespace tagalign::core {
namespace {

void call(Turn& turn, SlurmCall what) {
  PoolMemory& memory = turn.mind.pools;
  memory.on_its_way = CallOnItsWay{++memory.calls, what, turn.now_ms};
  turn.decision.effects.push_back(AskSlurm{memory.calls, std::move(what)});
}

std::int64_t queue_wait_ms(const PoolPolicy& policy, const PoolMemory& memory) {
  if (memory.queue_failures > 0) {
    return std::min(policy.queue_slow_ms,
                    policy.queue_ms << std::min(memory.queue_failures - 1, 8));
  }
  return memory.queue_soon ? policy.queue_soon_ms : policy.queue_ms;
}

bool ask_queue(Turn& turn) {
  PoolMemory& memory = turn.mind.pools;
  const UnixMs due_ms = memory.queue_asked_ms + queue_wait_ms(turn.mind.policy.pools, memory);
  if (memory.queue_asked_ms != 0 && turn.now_ms < due_ms) return false;
  memory.queue_asked_ms = turn.now_ms;
  memory.queue_soon = false;
  call(turn, QueueCall{});
  return true;
}

/// Agents are given their time to save and leave; what has none goes at once.
bool shall_be_cancelled(const Turn& turn, const PoolRecord& pool, const Allocation& allocation) {
  if (allocation.leaving_ms == 0 || allocation.number.empty()) return false;
  const PoolPolicy& policy = turn.mind.policy.pools;
  const auto& cancelled = turn.mind.pools.cancelled;
  const auto last = cancelled.find(allocation.number);
  if (last != cancelled.end() && turn.now_ms < last->second + policy.cancel_again_ms) return false;
  if (!allocation.joined && agents_of(turn.state, pool, allocation).empty()) return true;
  const bool saves = pool.mode == PoolMode::kRemoving || turn.state.stopping;
  const std::int64_t patience_ms =
      saves ? working_leave_ms(turn, pool, allocation) : policy.idle_leave_ms;
  return turn.now_ms >= allocation.leaving_ms + patience_ms;
}

bool cancel(Turn& turn) {
  CancelCall cancel;
  for (const auto& [name, pool] : turn.state.pool_records) {
    for (const auto& [token, allocation] : pool.allocations) {
      if (shall_be_cancelled(turn, pool, allocation)) cancel.numbers.push_back(allocation.number);
    }
  }
  PoolMemory& memory = turn.mind.pools;
  for (const auto& [number, name] : memory.strays) {
    const auto last = memory.cancelled.find(number);
    const bool lately = last != memory.cancelled.end() &&
                        turn.now_ms < last->second + turn.mind.policy.pools.cancel_again_ms;
    if (!lately) cancel.numbers.push_back(number);
  }
  if (cancel.numbers.empty()) return false;
  for (const std::string& number : cancel.numbers) memory.cancelled[number] = turn.now_ms;
  memory.queue_soon = true;
  call(turn, std::move(cancel));
  return true;
}

bool wants_more(const Turn& turn, const PoolRecord& pool) {
  const auto* slurm = slurm_of(pool);
  if (!slurm || pool.mode != PoolMode::kOpen || turn.now_ms < pool.not_before_ms) return false;
  if (std::ssize(pool.allocations) >= slurm->max) return false;
  const auto waiting = std::ranges::count_if(pool.allocations, [](const auto& entry) {
    return !entry.second.joined && entry.second.leaving_ms == 0;
  });
  if (waiting >= slurm->backlog) return false;
  const int most = static_cast<int>(waiting) + 1;
  return waiting_jobs(turn.state, pool, most) == most;
}

/// Not before squeue has told what is there already.
bool submit(Turn& turn) {
  const PoolMemory& memory = turn.mind.pools;
  if (turn.state.stopping || !memory.queue_known || memory.queue_failures > 0) return false;
  for (const auto& [name, pool] : turn.state.pool_records) {
    if (!wants_more(turn, pool)) continue;
    const std::uint64_t given = turn.state.tokens_given + 1;
    turn.record(TokenGiven{given});
    Allocation allocation;
    allocation.token = format("{}", given);
    allocation.asked_ms = turn.now_ms;
    set(turn, name, allocation);
    call(turn, SubmitCall{pool.spec, allocation.token});
    return true;
  }
  return false;
}

bool account(Turn& turn) {
  PoolMemory& memory = turn.mind.pools;
  AccountingCall accounting;
  for (const auto& [name, pool] : turn.state.pool_records) {
    for (const auto& [token, allocation] : pool.allocations) {
      if (!memory.missing_since.contains(token) || memory.accounted.contains(token)) continue;
      memory.accounted[token] = "";
      accounting.numbers.push_back(allocation.number);
    }
  }
  if (accounting.numbers.empty()) return false;
  call(turn, std::move(accounting));
  return true;
}

}  // namespace

int waiting_jobs(const State& state, const PoolRecord& pool, int most) {
  int waiting = 0;
  for (const auto& [shape, line] : state.index.ready) {
    line.visit([&](JobId id) {
      if (waiting < most && could_serve(state, pool, state.jobs.at(id))) ++waiting;
      return waiting < most;
    });
  }
  return waiting;
}

/// With no pool left, allocations of ours may still be there: one look after a start, and looks
/// until an sbatch that nobody heard of cannot come true any more.
bool needs_slurm(const PoolMemory& memory, const State& state) {
  for (const auto& [name, pool] : state.pool_records) {
    if (slurm_of(pool)) return true;
  }
  if (!memory.strays.empty() || memory.looked_ms < memory.sweep_until_ms) return true;
  return state.tokens_given > 0 && !memory.queue_known && memory.queue_failures == 0;
}

void call_slurm(Turn& turn) {
  PoolMemory& memory = turn.mind.pools;
  if (!needs_slurm(memory, turn.state)) return;
  if (memory.on_its_way) {
    if (turn.now_ms < memory.on_its_way->since_ms + turn.mind.policy.pools.call_ms_max) return;
    handle(turn, SlurmAnswered{.call = memory.on_its_way->call,
                               .end = CallEnd::kNoAnswer,
                               .message = "the call was given up"});
  }
  // A stop has no time to lose on looking.
  if (turn.state.stopping && cancel(turn)) return;
  if (ask_queue(turn) || cancel(turn) || submit(turn)) return;
  (void)account(turn);
}

}  // namespace tagalign::core
