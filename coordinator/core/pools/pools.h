/// Pools of agents that the coordinator brings up by itself: what is durable about them, and what
/// Slurm is asked and answers. decide/pools/ has the rules.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "coordinator/wire/pool_messages.h"

namespace tagalign::core {

struct State;
struct Agent;

/// How far an allocation is.
enum class AllocationStage : std::uint8_t {
  kAsked = 1,    ///< sbatch was or is called; its number is not known
  kPending = 2,  ///< waits in Slurm's queue
  kRunning = 3,  ///< has nodes, or is in a state that is no other
};

/// One Slurm job of a pool, or the agent on one host of an ssh pool, which is pending while it is down.
struct Allocation {
  std::string token;   ///< ours, never given twice; of an ssh pool: the host
  std::string number;  ///< Slurm's job number; empty while it is not known, and for ssh
  AllocationStage stage = AllocationStage::kAsked;
  std::string slurm_state;  ///< in Slurm's words
  std::string reason;       ///< Slurm's, why it waits
  std::string nodes;        ///< Slurm's list
  UnixMs asked_ms = 0;
  UnixMs started_ms = 0;  ///< when it was first seen to run, since its last requeue; 0: not yet
  UnixMs ends_ms = 0;     ///< its time limit; 0: not known, or never
  int restarts = 0;
  bool joined = false;    ///< an agent of it said hello since it runs
  UnixMs leaving_ms = 0;  ///< its agents were asked to leave, or it was cancelled; 0: no
  std::string leaving_why;
  int failures = 0;          ///< of an ssh host: in a row, since an agent said hello
  UnixMs not_before_ms = 0;  ///< of an ssh host that is down: when it is tried again
  bool operator==(const Allocation&) const = default;
};

struct PoolEvent {
  UnixMs at_ms = 0;
  std::string text;
};

enum class PoolMode : std::uint8_t {
  kOpen = 1,
  kPaused = 2,    ///< nothing new is asked for; what is there works on
  kRemoving = 3,  ///< all leaves, and then the pool is gone
};

struct PoolRecord {
  wire::PoolSpec spec;
  UnixMs added_ms = 0;
  PoolMode mode = PoolMode::kOpen;
  std::string mode_reason;   ///< why it is paused or removed
  int failures = 0;          ///< refused and dead allocations since the last that joined
  UnixMs not_before_ms = 0;  ///< back-off: nothing is asked for until then
  std::string last_failure;
  std::map<std::string, Allocation> allocations;  ///< not ended; by token
  std::vector<PoolEvent> events;                  ///< bounded by decide(); newest last
};

// ---------------------------------------------------------------- facts

/// Replaces nothing: the name was free.
struct PoolAdded {
  wire::PoolSpec spec;
};
struct PoolModeSet {
  std::string pool;
  PoolMode mode = PoolMode::kOpen;
  std::string reason;
};
struct PoolErased {
  std::string pool;
};
struct PoolNoted {
  std::string pool;
  std::string text;
  bool drops_oldest = false;
};
/// Replaces the back-off.
struct PoolDelayed {
  std::string pool;
  int failures = 0;
  UnixMs not_before_ms = 0;
  std::string why;
};
/// `tokens_given` rises; the allocation itself follows as AllocationSet.
struct TokenGiven {
  std::uint64_t tokens = 0;
};
/// A new allocation, or all that is now known of one.
struct AllocationSet {
  std::string pool;
  Allocation allocation;
};
struct AllocationGone {
  std::string pool;
  std::string token;
};

// ---------------------------------------------------------------- what Slurm is asked

/// sbatch: one allocation of `spec` under job_name_of(spec.name, token).
struct SubmitCall {
  wire::PoolSpec spec;
  std::string token;
};
/// squeue: all jobs of this user.
struct QueueCall {};
/// sacct: jobs that squeue does not show any more.
struct AccountingCall {
  std::vector<std::string> numbers;
};
struct CancelCall {
  std::vector<std::string> numbers;
};
using SlurmCall = std::variant<SubmitCall, QueueCall, AccountingCall, CancelCall>;

enum class CallEnd : std::uint8_t {
  kAnswered = 1,
  kRefused,   ///< Slurm said no: nothing has changed
  kNoAnswer,  ///< time-out, or no controller: whether it was done is not known
};
struct QueueRow {
  std::string number;
  std::string name;   ///< of the job
  bool ours = false;  ///< its comment holds the mark of this state folder
  std::string state;
  std::string reason;
  std::string nodes;
  UnixMs ends_ms = 0;  ///< 0: not known, or never
  int restarts = 0;
};
struct AccountingRow {
  std::string number;
  std::string state;
  int exit_code = 0;
};
/// The outcome of one call.
struct SlurmAnswered {
  std::uint64_t call = 0;  ///< AskSlurm::call
  CallEnd end = CallEnd::kAnswered;
  std::string message;  ///< what it said where it did not answer; one line
  std::string number;   ///< of a SubmitCall
  /// Of a QueueCall: false when some of the output could not be read, so that a job that is not
  /// in `queue` may still be there.
  bool complete = true;
  std::vector<QueueRow> queue;
  std::vector<AccountingRow> accounting;
};

/// "tagalign-a100-17".
std::string job_name_of(std::string_view pool, std::string_view token);
struct PoolAndToken {
  std::string pool;
  std::string token;
};
/// The reverse; nullopt for a name that is not of this form.
std::optional<PoolAndToken> read_job_name(std::string_view name);

/// Id of the agent on `host` ("HOST" or "USER@HOST") of an ssh pool.
std::string ssh_agent_id(std::string_view pool, std::string_view host);

// ---------------------------------------------------------------- reading it

/// The allocation that an agent runs in; nullptr for none that is known.
const Allocation* allocation_of(const State& state, const Agent& agent);
/// The agent was asked to leave with its allocation: it gets nothing new.
bool is_leaving(const State& state, const Agent& agent);
/// Connected agents of one allocation of a pool.
std::vector<const Agent*> agents_of(const State& state, const PoolRecord& pool,
                                    const Allocation& allocation);
}  // namespace tagalign::core
