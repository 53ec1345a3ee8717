/// The coordinator's mind, without I/O, threads or clock, in two halves.
///
/// decide(state, input) holds every rule and limit and may change with each release; it returns
/// the facts that follow from the input. evolve(state, fact) holds none: a restart folds it over
/// the log, so that what was decided once is never judged again.
///
/// Time enters only as `at_ms` of an input. Every (job state, input) pair is decided
/// in transitions.md and tested.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/status.h"
#include "coordinator/core/effects.h"
#include "coordinator/core/facts.h"
#include "coordinator/core/inputs.h"
#include "coordinator/core/placement.h"
#include "coordinator/core/pools/policy.h"

namespace tagalign::core {

/// The rules of decide() that are numbers or one choice. The default is what the program uses.
struct Policy {
  int stalled_retries_max = limits::kStalledRetriesMax;
  int same_step_kills_max = limits::kSameStepKillsMax;
  int same_step_hangs_max = limits::kSameStepHangsMax;
  int infrastructure_retries_max = limits::kInfrastructureRetriesMax;
  std::optional<Placement> (*place)(const State&, const wire::JobSpec&, UnixMs until_ms,
                                    const std::set<AgentId>& avoided) = find_room;
  /// A job gives its slots to one of higher priority once its attempt has committed, or lasted so long.
  std::int64_t preempt_after_ms = 60'000;
  /// A gang that waits so long keeps jobs off its agents of which nobody knows when they end.
  std::int64_t patience_ms = 600'000;
  /// An agent on which so many attempts died, since one there went well, gets no work while others do.
  int drain_after = 3;
  /// Until an attempt may try a drained agent: twice as long each time that fails, up to the maximum.
  std::int64_t drain_back_off_ms = 300'000;
  std::int64_t drain_back_off_ms_max = 3'600'000;
  PoolPolicy pools;
  bool backfill = true;    ///< else nobody starts before the first that finds no room
  bool preemption = true;  ///< else nobody makes room
  /// Ended jobs beyond these leave the live state with their workflow, the oldest first, once all of
  /// it ended so long ago: what a restart reads stays small.
  std::size_t ended_jobs_kept = 10'000;
  std::int64_t archive_after_ms = 3'600'000;
};

/// What was last said to an agent and not answered: kept outside the history, because a
/// restart says everything again.
struct Reminders {
  std::map<JobId, UnixMs> due_of;
  std::set<std::pair<UnixMs, JobId>> due;
  std::map<AgentId, UnixMs> hello_asked;
  std::map<AgentId, UnixMs> told_to_leave;  ///< because their allocation ends, and when last
  std::optional<UnixMs> room_again;  ///< when a job can be asked to make room that just began
};

struct Decision {
  std::vector<Fact> facts;  ///< in order; already folded into the state
  std::vector<Effect> effects;
};

/// One seat of decide(): the rules, and what it must remember beside the history.
struct Mind {
  Policy policy;
  Reminders reminders;
  PoolMemory pools;
};

/// ok when `spec` can be accepted: unique legal names, known references, no cycle, limits. The
/// message names the job.
Status validate(const wire::WorkflowSpec& spec);

/// Judges one input: O(log n) and what it changes. The state advances by the returned facts, with
/// evolve() alone; a caller that cannot commit them drops the state and reads its store again.
Decision decide(Mind& mind, State& state, const Input& input);

/// ok when a pool can be added: a legal name, numbers that make sense. The message names the option
/// of `tagalign pool add`.
Status validate(const wire::PoolSpec& spec);

/// After the state was read again: nothing is on its way to Slurm, and everything is looked at anew,
/// but squeue is asked no more often than else.
void forget_calls(PoolMemory& memory);

/// A stop may end: nothing is left in Slurm's queue that would start without a coordinator.
bool pools_are_quiet(const Mind& mind, const State& state);

/// After a restart: what starting and saving jobs are still asked for. O(live jobs).
Reminders remind_all(const State& state);

/// Earliest time at which a TimePassed input could change something; nullopt when
/// nothing waits for time.
std::optional<UnixMs> next_deadline(const Mind& mind, const State& state);

/// When a live job is expected to end; nullopt: nobody knows. From the steps between its commits, from
/// how long earlier jobs of its name took, and at the latest when its time limit is over.
std::optional<UnixMs> expected_end_ms(const State& state, const Job& job, UnixMs now_ms);

enum class Detail : std::uint8_t {
  kFirstLine,  ///< O(agents): for lists
  kAll,
};
/// Why a job is where it is, from the same data that decide() uses; at least one line.
std::vector<std::string> explain(const State& state, JobId job, UnixMs now_ms,
                                 Detail detail = Detail::kAll);

}  // namespace tagalign::core
