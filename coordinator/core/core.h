/// The coordinator's mind: a deterministic state machine without I/O, threads or clock.
///
/// apply(state, event) changes the state and returns what shall be done about it. The service
/// commits events to the store before it carries out the effects; a restart replays the stored
/// events through the same function and drops the effects, because every effect that still matters
/// is asked for again when agents say hello. Hence the same events give the same state, bit for
/// bit, on every run.
///
/// Time enters only as `at_ms` of an event. Every (job state, event) pair is decided in
/// transitions.md and tested.
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
#include "base/status.h"
#include "coordinator/protocol/messages.h"

namespace tagalign::core {

// ---------------------------------------------------------------- events

struct WorkflowSubmitted {
  std::string token;
  protocol::WorkflowSpec spec;
};
struct CancelRequested {
  JobId job;
};
struct AgentJoined {
  protocol::AgentHello hello;
};
/// The service decided, by its clock, that the agent is gone (limits::kAgentLostAfterMs without a
/// word).
struct AgentLost {
  AgentId agent;
};
struct AgentReported {
  AgentId agent;
  protocol::SequencedEvent event;
};
/// The grace of a saving attempt, or the wait before a retry, may have passed: carries only the
/// time.
struct TimePassed {};

using EventBody = std::variant<WorkflowSubmitted, CancelRequested, AgentJoined, AgentLost,
                               AgentReported, TimePassed>;
struct Event {
  UnixMs at_ms = 0;
  EventBody body;
};

// ---------------------------------------------------------------- effects

struct SendToAgent {
  AgentId agent;
  protocol::ToAgent message;
};
using Effect = std::variant<SendToAgent>;

// ---------------------------------------------------------------- state

struct Queued {
  UnixMs since_ms = 0;
  UnixMs not_before_ms = 0;
};
struct Starting {
  AgentId agent;
  UnixMs since_ms = 0;
  UnixMs asked_ms = 0;  ///< Launch last sent
};
struct Running {
  AgentId agent;
  UnixMs since_ms = 0;
};
/// Asked to save and leave (cancel, shutdown); killed after limits::kSaveAndLeaveMsMax.
struct Saving {
  AgentId agent;
  UnixMs since_ms = 0;
  std::string reason;
  bool kill_sent = false;
  UnixMs asked_ms = 0;   ///< StopAttempt last sent
  bool started = false;  ///< the agent has said that the attempt runs
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
};
using JobState = std::variant<Queued, Starting, Running, Saving, Succeeded, Failed, Cancelled>;

/// "queued", "starting", …
std::string_view job_state_name(const JobState& state);
bool is_terminal(const JobState& state);

struct AttemptRecord {
  Attempt attempt;
  AgentId agent;
  UnixMs started_ms = 0;
  UnixMs ended_ms = 0;
  std::optional<protocol::Outcome> outcome;
  std::string message;
  std::uint64_t last_step = 0;
};

struct Job {
  JobId id;
  WorkflowId workflow;
  protocol::JobSpec spec;  ///< of an instance of a template: with its overrides filled in
  JobState state;
  UnixMs submitted_ms = 0;
  std::vector<JobId> after;
  std::vector<std::size_t> after_templates;  ///< indices into State::templates
  Attempt attempt;                           ///< the newest; 0 before the first start
  std::vector<AttemptRecord> attempts;
  std::map<std::uint64_t, std::pair<protocol::CheckpointInfo, UnixMs>> checkpoints;  ///< by step
  int program_failures = 0;  ///< charged against spec.retries_max
  int stalled_failures = 0;  ///< infrastructure failures since the last new checkpoint
  std::optional<std::uint64_t>
      last_failed_step;              ///< the same step failing twice is the program's fault
  std::vector<std::string> notices;  ///< bounded; newest last
};

/// A job specification waiting for commits; each digest is instantiated once.
struct Template {
  WorkflowId workflow;
  protocol::JobSpec spec;
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
  UnixMs hello_asked_ms = 0;        ///< SayHello last sent because of a gap
};

struct ResultEntry {
  JobId job;  ///< the first that reported it
  protocol::EvaluationResult result;
  UnixMs at_ms = 0;
  std::set<WorkflowId> workflows;  ///< all that reported it
};

struct State {
  std::map<WorkflowId, Workflow> workflows;
  std::map<JobId, Job> jobs;
  std::set<JobId> live;  ///< jobs that are not terminal: what every pass looks at
  std::vector<Template> templates;
  std::map<AgentId, Agent> agents;
  std::map<std::string, ResultEntry> results;  ///< by content key: the first stays
  std::uint64_t dropped_stale = 0;             ///< messages of older attempts
  UnixMs now_ms = 0;                           ///< time of the newest event
  /// Equal key, other counts: a determinism bug. The job that reported them has a notice.
  std::uint64_t conflicting_results = 0;
};

// ---------------------------------------------------------------- verbs

/// ok when `spec` can be accepted: unique legal names, known references, no cycle, limits. The
/// message names the job.
Status validate(const protocol::WorkflowSpec& spec);

/// Requires validate() for WorkflowSubmitted. Ends every call with a scheduling pass (scheduler.h),
/// so that the returned effects hold the launches which the event made possible.
std::vector<Effect> apply(State& state, const Event& event);

/// The workflow that a token already stands for, so that a repeated submission is answered and not
/// repeated.
const Workflow* find_submission(const State& state, const std::string& token);

/// Earliest time at which a TimePassed event could change something; nullopt when nothing waits for
/// time.
std::optional<UnixMs> next_deadline(const State& state);

/// The agent that a starting, running or saving job is on; nullptr in other states.
const AgentId* holder(const Job& job);

/// Slots of `agent` not held by starting, running or saving jobs.
int free_slots(const State& state, const Agent& agent);

/// Every field of the state as lines of text. Equal states give equal text: for comparing and for
/// looking.
std::string dump(const State& state);

/// Why a job is where it is, from the same data that the scheduler uses; at least one line.
std::vector<std::string> explain(const State& state, JobId job, UnixMs now_ms);

}  // namespace tagalign::core
