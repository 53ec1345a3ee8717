/// What Slurm's answers mean. One that failed, timed out or was cut short changes no allocation.
#include <algorithm>
#include <array>
#include <charconv>

#include "base/format.h"
#include "coordinator/core/decide/pools/pool_turn.h"

namespace tagalign::core {
namespace {

constexpr std::array<std::string_view, 9> kOver{"BOOT_FAIL",     "CANCELLED", "COMPLETED",
                                                "DEADLINE",      "FAILED",    "NODE_FAIL",
                                                "OUT_OF_MEMORY", "REVOKED",   "TIMEOUT"};
constexpr std::array<std::string_view, 7> kWaits{"CONFIGURING", "PENDING",      "REQUEUED",
                                                 "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD",
                                                 "SPECIAL_EXIT"};

/// A state that nobody has heard of is neither: its allocation is still there.
bool is_over(std::string_view state) {
  return std::ranges::find(kOver, state.substr(0, state.find_first_of(" +"))) != kOver.end();
}
bool waits(std::string_view state) {
  return std::ranges::find(kWaits, state) != kWaits.end();
}

/// An allocation and the pool that it is of, by name.
struct Found {
  std::string pool;
  Allocation allocation;
};

std::optional<Found> find_number(const State& state, const std::string& number) {
  for (const auto& [name, pool] : state.pool_records) {
    for (const auto& [token, allocation] : pool.allocations) {
      if (allocation.number == number) return Found{name, allocation};
    }
  }
  return std::nullopt;
}

/// A token that this state has not given (its store is an older copy) is not given any more.
void reserve_token(Turn& turn, const std::string& token) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), number);
  if (error == std::errc() && number > turn.state.tokens_given) turn.record(TokenGiven{number});
}

/// Its agents were given jobs while nobody knew whose they are: it was told to leave without them.
bool works_anyway(const Turn& turn, const PoolRecord& pool, const Allocation& allocation) {
  if (pool.mode == PoolMode::kRemoving || turn.state.stopping) return false;
  return std::ranges::any_of(agents_of(turn.state, pool, allocation), [&](const Agent* agent) {
    return !jobs_on(turn.state, agent->id).empty();
  });
}

/// A job of ours that was submitted and not recorded: by an sbatch whose answer was lost, or one
/// that had ended and was requeued. nullopt when its pool is gone.
std::optional<Found> adopt(Turn& turn, const QueueRow& row) {
  const auto name = read_job_name(row.name);
  if (!row.ours || !name) return std::nullopt;
  const auto pool = turn.state.pool_records.find(name->pool);
  if (pool == turn.state.pool_records.end() || !slurm_of(pool->second)) {
    turn.mind.pools.strays[row.number] = row.name;
    return std::nullopt;
  }
  Allocation allocation;
  allocation.token = name->token;
  allocation.asked_ms = turn.now_ms;
  const auto known = pool->second.allocations.find(name->token);
  if (known != pool->second.allocations.end()) {
    if (known->second.number.empty()) {
      allocation = known->second;
    } else {
      allocation.token += "." + row.number;  // two jobs of one name: neither may be lost
    }
  }
  reserve_token(turn, name->token);
  allocation.number = row.number;
  if (works_anyway(turn, pool->second, allocation)) {
    allocation.leaving_ms = 0;
    allocation.leaving_why.clear();
  }
  note(turn, name->pool, format("{} was found in Slurm's queue", label(pool->second, allocation)));
  return Found{name->pool, allocation};
}

void tell_run(Turn& turn, const std::string& name, const Allocation& before,
              const Allocation& now) {
  const PoolRecord& pool = record_of(turn, name);
  const bool ran = before.stage == AllocationStage::kRunning;
  const bool runs = now.stage == AllocationStage::kRunning;
  if (now.restarts > before.restarts || (ran && !runs)) {
    note(turn, name, format("{} was requeued by Slurm", label(pool, now)));
  }
  if (runs && now.started_ms != before.started_ms) {
    note(turn, name, format("{} runs on {}", label(pool, now), now.nodes));
  }
}

void update(Turn& turn, const Found& found, const QueueRow& row) {
  Allocation now = found.allocation;
  now.stage = waits(row.state) ? AllocationStage::kPending : AllocationStage::kRunning;
  now.slurm_state = row.state;
  now.reason = row.reason == "None" ? "" : row.reason;
  now.nodes = row.nodes;
  now.ends_ms = row.ends_ms;
  now.restarts = std::max(row.restarts, found.allocation.restarts);
  const bool runs = now.stage == AllocationStage::kRunning;
  const bool again = now.restarts > found.allocation.restarts;
  if (!runs || again) now.joined = false;
  if (!runs) now.started_ms = 0;
  if (runs && (found.allocation.started_ms == 0 || again)) now.started_ms = turn.now_ms;
  set(turn, found.pool, now);
  tell_run(turn, found.pool, found.allocation, now);
  turn.mind.pools.missing_since.erase(now.token);
  turn.mind.pools.accounted.erase(now.token);
}

/// Numbers of all jobs that are there; what is known of ours is brought up to date.
std::set<std::string> take_rows(Turn& turn, const std::vector<QueueRow>& rows) {
  std::set<std::string> there;
  turn.mind.pools.strays.clear();
  for (const QueueRow& row : rows) {
    if (is_over(row.state)) continue;
    there.insert(row.number);
    auto found = find_number(turn.state, row.number);
    if (!found) found = adopt(turn, row);
    if (found) update(turn, *found, row);
  }
  return there;
}

/// No job came of an sbatch without answer, and none can come any more.
void drop_unanswered(Turn& turn, const Found& found, UnixMs asked_ms) {
  const std::int64_t unknown_ms = turn.mind.policy.pools.unknown_ms;
  if (asked_ms < found.allocation.asked_ms + unknown_ms) return;
  turn.record(AllocationGone{found.pool, found.allocation.token});
  note(turn, found.pool,
       format("{} never came: sbatch gave no answer, and squeue does not know it after {}",
              label(record_of(turn, found.pool), found.allocation), format_duration(unknown_ms)));
}

void miss(Turn& turn, const Found& found) {
  PoolMemory& memory = turn.mind.pools;
  const std::string& token = found.allocation.token;
  const auto since = memory.missing_since.try_emplace(token, turn.now_ms).first->second;
  if (turn.now_ms < since + turn.mind.policy.pools.vanished_ms) return;
  if (!agents_of(turn.state, record_of(turn, found.pool), found.allocation).empty()) return;
  const std::string said = memory.accounted[token];
  close(turn, found.pool, found.allocation,
        format("squeue does not show it any more{}{}", said.empty() ? "" : "; sacct: ", said));
}

void take_missing(Turn& turn, const std::set<std::string>& there, UnixMs asked_ms) {
  std::vector<Found> missing;
  for (const auto& [name, pool] : turn.state.pool_records) {
    if (!slurm_of(pool)) continue;
    for (const auto& [token, allocation] : pool.allocations) {
      if (!there.contains(allocation.number)) missing.push_back({name, allocation});
    }
  }
  for (const Found& found : missing) {
    found.allocation.number.empty() ? drop_unanswered(turn, found, asked_ms) : miss(turn, found);
  }
}

void note_everywhere(Turn& turn, const std::string& text) {
  std::vector<std::string> names;
  for (const auto& [name, pool] : turn.state.pool_records) {
    if (slurm_of(pool)) names.push_back(name);
  }
  for (const std::string& name : names) note(turn, name, text);
}

void take(Turn& turn, const QueueCall&, const SlurmAnswered& answer, UnixMs asked_ms) {
  PoolMemory& memory = turn.mind.pools;
  const bool answered = answer.end == CallEnd::kAnswered;
  std::set<std::string> there;
  if (answered) there = take_rows(turn, answer.queue);
  if (!answered || !answer.complete) {
    if (++memory.queue_failures > 1) return;
    return note_everywhere(turn, format("squeue failed: {}; allocations are left as they are until "
                                        "it answers in full",
                                        answer.message));
  }
  if (memory.queue_failures > 0) note_everywhere(turn, "squeue answers again");
  memory.queue_failures = 0;
  memory.queue_known = true;
  take_missing(turn, there, asked_ms);
  std::erase_if(memory.cancelled, [&](const auto& entry) { return !there.contains(entry.first); });
}

void take(Turn& turn, const SubmitCall& call, const SlurmAnswered& answer, UnixMs) {
  turn.mind.pools.queue_soon = true;
  const std::string& name = call.spec.name;
  const auto pool = turn.state.pool_records.find(name);
  if (pool == turn.state.pool_records.end()) return;
  const auto found = pool->second.allocations.find(call.token);
  if (found == pool->second.allocations.end()) return;
  Allocation allocation = found->second;
  if (answer.end == CallEnd::kRefused) {
    turn.record(AllocationGone{name, call.token});
    note(turn, name, "sbatch refused: " + answer.message);
    count_failure(turn, name, "sbatch: " + answer.message);
  } else if (answer.end == CallEnd::kNoAnswer || answer.number.empty()) {
    note(turn, name,
         format("sbatch gave no answer for {}: {}; squeue will tell",
                label(record_of(turn, name), allocation), answer.message));
  } else {
    allocation.number = answer.number;
    allocation.stage = AllocationStage::kPending;
    set(turn, name, allocation);
    note(turn, name, format("{} was submitted", label(record_of(turn, name), allocation)));
  }
}

void take(Turn& turn, const AccountingCall& call, const SlurmAnswered& answer, UnixMs) {
  std::map<std::string, std::string>& accounted = turn.mind.pools.accounted;
  for (const std::string& number : call.numbers) {
    const auto found = find_number(turn.state, number);
    if (!found || !accounted.contains(found->allocation.token)) continue;
    const auto row = std::ranges::find(answer.accounting, number, &AccountingRow::number);
    std::string& said = accounted[found->allocation.token];
    if (answer.end != CallEnd::kAnswered) {
      said = answer.message;
    } else if (row == answer.accounting.end()) {
      said = "no such job";
    } else if (!is_over(row->state)) {
      said = row->state;
    } else {
      close(turn, found->pool, found->allocation,
            format("{}, exit code {}", row->state, row->exit_code));
    }
  }
}

/// What is still there after a while is cancelled again.
void take(Turn& turn, const CancelCall&, const SlurmAnswered& answer, UnixMs) {
  turn.mind.pools.queue_soon = true;
  if (answer.end != CallEnd::kAnswered) note_everywhere(turn, "scancel failed: " + answer.message);
}

}  // namespace

void close(Turn& turn, const std::string& name, const Allocation& allocation,
           const std::string& how) {
  PoolMemory& memory = turn.mind.pools;
  memory.missing_since.erase(allocation.token);
  memory.accounted.erase(allocation.token);
  memory.idle_since.erase(allocation.token);
  const std::string what = label(record_of(turn, name), allocation);
  turn.record(AllocationGone{name, allocation.token});
  if (allocation.joined || allocation.leaving_ms != 0) {
    return note(turn, name, format("{} has ended: {}", what, how));
  }
  const std::string why = format(
      "{} ended before an agent of it said hello: {}; its log is pools/{}.log in the state folder",
      what, how, job_name_of(name, allocation.token.substr(0, allocation.token.find('.'))));
  note(turn, name, why);
  count_failure(turn, name, why);
}

void handle(Turn& turn, const SlurmAnswered& input) {
  std::optional<CallOnItsWay>& on_its_way = turn.mind.pools.on_its_way;
  if (!on_its_way || on_its_way->call != input.call) return;
  const CallOnItsWay call = std::move(*on_its_way);
  on_its_way.reset();
  std::visit([&](const auto& what) { take(turn, what, input, call.since_ms); }, call.what);
}

}  // namespace tagalign::core
