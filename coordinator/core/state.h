/// What the coordinator knows: a fold of facts (facts.h), and nothing else.
///
/// A copy is a value. Only evolve() changes it; `index` is derived from the rest and rebuilt after
/// a snapshot was read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "coordinator/core/id_table.h"
#include "coordinator/core/index.h"
#include "coordinator/core/pools/pools.h"
#include "coordinator/wire/messages.h"

namespace tagalign::core {

struct Queued {
  UnixMs since_ms = 0;
  UnixMs not_before_ms = 0;
};
struct Starting {
  AgentId agent;
  UnixMs since_ms = 0;
};
struct Running {
  AgentId agent;
  UnixMs since_ms = 0;
};
/// Asked to save and leave; `kill_asked` after its grace.
struct Saving {
  AgentId agent;
  UnixMs since_ms = 0;
  std::string reason;
  bool kill_asked = false;
  bool started = false;     ///< the agent has said that the attempt runs
  bool comes_back = false;  ///< not cancelled: queued again once it has left
};
struct Succeeded {
  UnixMs at_ms = 0;
};
struct Failed {
  UnixMs at_ms = 0;
  std::string reason;
};
struct Cancelled {
  UnixMs at_ms = 0;
  std::string reason;
  bool overtaken = false;  ///< an instance that gave way to a newer one: nobody misses it
};
using JobState = std::variant<Queued, Starting, Running, Saving, Succeeded, Failed, Cancelled>;

/// "queued", "starting", …
std::string_view job_state_name(const JobState& state);
bool is_terminal(const JobState& state);
/// Whoever comes after a job in this state need not wait for it: it succeeded, or was overtaken.
bool is_met(const JobState& state);

/// The end of one share of an attempt, as its agent told it; where that fell silent, as the
/// coordinator concluded without it.
struct ShareEnd {
  AgentId agent;
  wire::Outcome outcome = wire::Outcome::kFailed;
  int exit_code = 0;
  int failed_rank = -1;
  std::uint64_t last_step = 0;
  std::string message;
  UnixMs at_ms = 0;
  bool given_up = false;  ///< not told by the agent, which fell silent: it may still run there
};

struct AttemptRecord {
  Attempt attempt;
  AgentId agent;  ///< the head
  UnixMs started_ms = 0;
  UnixMs ended_ms = 0;
  std::optional<wire::Outcome> outcome;
  std::string message;
  std::uint64_t last_step = 0;
  wire::GangLauncher launcher = wire::GangLauncher::kMpirun;
  std::vector<wire::Share> shares;  ///< one for each agent; the first is the head's
  /// Agents of several that have said that their share runs.
  std::set<AgentId> ran;
  std::map<AgentId, std::string> daemons;  ///< what mpirun wants started on the other nodes
  std::vector<ShareEnd> ends;              ///< in the order they became known; while others go on
  UnixMs ran_ms = 0;                       ///< when all its ranks ran; 0: never, or an old log
  std::string asked;                       ///< why it was asked to leave, if it was
  wire::PhaseTimes spent;    ///< of the shares that have told it, added up over their ranks
  wire::PhaseTimes longest;  ///< from one move of a rank to its next, in each phase
};

/// A checkpoint that a job waits for.
struct CommitWait {
  JobId job;
  std::uint64_t step = 0;  ///< or a later one
};

struct Job {
  JobId id;
  WorkflowId workflow;
  wire::JobSpec spec;  ///< of an instance of a template: with its overrides filled in
  JobState state;
  UnixMs submitted_ms = 0;
  std::vector<JobId> after;
  std::vector<std::size_t> after_templates;  ///< indices into State::templates
  Attempt attempt;                           ///< the newest; 0 before the first start
  std::vector<AttemptRecord> attempts;
  std::map<std::uint64_t, std::pair<wire::CheckpointInfo, UnixMs>> checkpoints;  ///< by step
  int program_failures = 0;  ///< charged against spec.retries_max
  int stalled_failures = 0;  ///< infrastructure failures since the last new checkpoint
  std::optional<std::uint64_t> last_failed_step;  ///< where the program failed last
  std::vector<std::string> notices;               ///< bounded by decide(); newest last
  wire::Pace pace;                                ///< as last measured
  std::vector<JobId> after_any;                   ///< that must have ended, in whatever way
  int priority = 0;                               ///< the specification's until a person changes it
  std::int64_t time_limit_s = 0;                  ///< likewise; 0: none
  std::optional<std::string> held;                ///< a person's reason not to start it
  std::vector<CommitWait> after_commit;
  bool seated = false;  ///< of a group: one of those under way, from its first start to its end
};

/// A job specification waiting for commits; each digest is instantiated once.
struct Template {
  WorkflowId workflow;
  wire::JobSpec spec;
  JobId source;              ///< the job whose commits it follows
  std::vector<JobId> after;  ///< of every instance
  std::vector<std::size_t> after_templates;
  std::set<std::string> instantiated;  ///< checkpoint digests
  std::vector<JobId> instances;        ///< in order of commits
};

struct Workflow {
  WorkflowId id;
  std::string token;
  std::string name;
  std::string workspace;
  UnixMs submitted_ms = 0;
};

struct Agent {
  AgentId id;
  std::string incarnation;
  std::string host;
  int slots = 0;
  int gpus = 0;
  bool connected = false;           ///< joined and not declared lost
  std::uint64_t last_sequence = 0;  ///< newest event taken; older ones are duplicates
  wire::AgentPlace place;
};

struct ResultEntry {
  JobId job;  ///< the first that reported it
  wire::EvaluationResult result;
  UnixMs at_ms = 0;
  std::set<WorkflowId> workflows;  ///< all that reported it
  std::set<JobId> repeats;         ///< jobs that reported it after `job`
};

/// What the ends of attempts have said of a node since the last good one. Absent: nothing.
struct AgentHealth {
  int deaths = 0;        ///< moments at which attempts ended by no doing of their jobs
  std::set<JobId> jobs;  ///< whose attempts died there, perhaps by their own doing
  UnixMs first_ms = 0;   ///< of these ends
  UnixMs last_ms = 0;
  std::string last;       ///< what the newest ended by
  int drains = 0;         ///< in a row; 0: it gets work
  UnixMs probe_ms = 0;    ///< of a drained one: when an attempt may try it
  bool on_probe = false;  ///< that time has come: it may have one attempt

  bool operator==(const AgentHealth&) const = default;
};

/// What is left of a workflow whose jobs are in the store's archive.
struct ArchivedWorkflow {
  std::string token;  ///< a submission that is repeated is still known
  std::string name;
  UnixMs submitted_ms = 0;
  UnixMs ended_ms = 0;  ///< its last job
  std::uint64_t jobs = 0;
  std::int64_t held_ms = 0;  ///< slots times time that its attempts held
};
/// A result that only archived workflows had first: its counts are in the store's archive.
struct ArchivedResult {
  JobId job;
  std::uint64_t counts = 0;  ///< counts_digest() of it (archive.h)
  UnixMs at_ms = 0;
  std::set<WorkflowId> workflows;
};
struct Archive {
  std::map<WorkflowId, ArchivedWorkflow> workflows;
  std::map<std::string, ArchivedResult> results;  ///< by content key
  JobId last_job;                                 ///< the highest number that was archived
};

/// The coordinator was asked to stop: nothing is placed until it has ended and started again.
struct Stopping {
  UnixMs since_ms = 0;
  bool kill_gangs = false;
};

/// What agents that were connected could have done, whether or not somebody used it.
struct Capacity {
  UnixMs since_ms = 0;       ///< that there have been so many
  std::int64_t slots = 0;    ///< of all connected agents
  std::int64_t slot_ms = 0;  ///< until then

  bool operator==(const Capacity&) const = default;
};

/// What a pool of agents last said of itself.
struct PoolView {
  int agents = 0;           ///< agents of it that run
  int slots_per_agent = 0;  ///< the most that one of its agents offers; 0: not known

  bool operator==(const PoolView&) const = default;
};

struct State {
  std::map<WorkflowId, Workflow> workflows;
  IdTable<JobId, Job> jobs;
  std::vector<Template> templates;  ///< those of archived workflows are empty
  std::map<AgentId, Agent> agents;
  std::map<std::string, ResultEntry> results;  ///< by content key: the first stays
  std::map<std::string, PoolView> pools;       ///< by name
  std::optional<Stopping> stopping;
  std::uint64_t dropped_stale = 0;  ///< messages of older attempts
  UnixMs now_ms = 0;                ///< time of the newest fact
  /// Equal key, other counts: a determinism bug. The job that reported them has a notice.
  std::uint64_t conflicting_results = 0;
  std::map<std::string, PoolRecord> pool_records;  ///< that the coordinator brings up, by name
  std::uint64_t tokens_given = 0;                  ///< to allocations; each is given once
  std::map<AgentId, AgentHealth> health;           ///< of agents on which attempts died lately
  Capacity capacity;
  Archive archive;

  Index index;  ///< derived: neither stored nor dumped
};

/// Rebuilds State::index from the rest: O(jobs). After a snapshot was read.
void build_index(State& state);

// ---------------------------------------------------------------- reading it

/// The workflow that a token already stands for; nullptr for a new one, and one that is archived.
const Workflow* find_submission(const State& state, const std::string& token);
/// The archived workflow that a token stands for.
std::optional<WorkflowId> archived_submission(const State& state, const std::string& token);
/// The head agent of a starting, running or saving job; nullptr in other states.
const AgentId* holder(const Job& job);
/// Shares of a starting, running or saving job whose end is not known; empty in other states.
std::vector<const wire::Share*> open_shares(const Job& job);
/// True when `agent` has an open share of `job`.
bool holds(const Job& job, const AgentId& agent);
/// When a job ended; 0 while it is live.
UnixMs ended_ms(const Job& job);
/// How long the attempts of a job took together, without waiting; the open one until `now_ms`.
std::int64_t run_ms(const Job& job, UnixMs now_ms);
/// What jobs of one purpose have in common, whichever run of their workflow they are of: "demo/scores".
std::string family_of(const State& state, const Job& job);
/// Slots of `agent` not held by starting, running or saving jobs; never negative.
int free_slots(const State& state, const Agent& agent);
/// A checkpoint of `step` or a later one exists.
bool has_committed(const Job& job, std::uint64_t step);
/// `job` reported `result`, first or again.
bool reported(const ResultEntry& result, JobId job);
/// Attempts died there again and again: it gets no work, but for one attempt at a time on probe.
bool is_drained(const State& state, const AgentId& agent);
/// Drained, and not to be given an attempt now.
bool is_withheld(const State& state, const AgentId& agent);
/// Jobs with an open share on `agent`, by id.
const std::set<JobId>& jobs_on(const State& state, const AgentId& agent);
/// Jobs that are not terminal, by id.
const std::set<JobId>& live_jobs(const State& state);
int slots_of(const wire::JobSpec& spec);
/// "'train' (job 3)".
std::string label(const Job& job);

/// Every durable field as lines of text. Equal states give equal text: for comparing and looking.
std::string dump(const State& state);

}  // namespace tagalign::core
