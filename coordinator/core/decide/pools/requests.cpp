/// What people ask of pools. Unknown names and those that are taken are refused by the service.
#include "base/format.h"
#include "coordinator/core/decide/pools/pool_turn.h"

namespace tagalign::core {
namespace {

void resume(Turn& turn, const PoolRecord& pool) {
  const std::string name = pool.spec.name;
  count_success(turn, name);
  for (const auto& [token, known] : std::map(pool.allocations)) {
    Allocation allocation = known;
    allocation.failures = 0;
    allocation.not_before_ms = 0;
    set(turn, name, allocation);
  }
  turn.record(PoolModeSet{name, PoolMode::kOpen, ""});
  note(turn, name, "resumed on request");
}

}  // namespace

void handle(Turn& turn, const PoolAddAsked& input) {
  const std::string& name = input.spec.name;
  if (turn.state.pool_records.contains(name)) return;
  turn.record(PoolAdded{input.spec});
  note(turn, name, "added");
}

void handle(Turn& turn, const PoolVerbAsked& input) {
  const auto found = turn.state.pool_records.find(input.pool);
  if (found == turn.state.pool_records.end()) return;
  const PoolRecord& pool = found->second;
  if (pool.mode == PoolMode::kRemoving) return;
  if (input.verb == wire::PoolVerb::kPause) {
    if (pool.mode == PoolMode::kPaused) return;
    turn.record(PoolModeSet{input.pool, PoolMode::kPaused, "on request"});
    note(turn, input.pool, "paused on request");
  } else if (input.verb == wire::PoolVerb::kResume) {
    resume(turn, pool);
  } else {
    turn.record(PoolModeSet{input.pool, PoolMode::kRemoving, "on request"});
    note(turn, input.pool, "removed on request: what it has saves and leaves");
  }
}

}  // namespace tagalign::core
