/// What was decided, in the past tense: the coordinator's history, and all that its log holds.
///
/// A fact says what follows, never why something may follow: evolve() has no rule, no limit and no
/// clock, so that every release makes the same state of an old log. A rule that changes changes
/// which facts decide() writes from then on.
///
/// An alternative's place in FactBody is its number in the log: new ones go to the end, none is ever
/// removed, and fields are only ever added (coordinator/store/format.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "coordinator/core/state.h"

namespace tagalign::core {

/// A job of a workflow, or an instance of a template; it begins as queued.
struct NewJob {
  JobId job;
  WorkflowId workflow;
  wire::JobSpec spec;
  std::vector<JobId> after;
  std::vector<std::size_t> after_templates;
  std::vector<JobId> after_any;
  std::vector<CommitWait> after_commit;
};
/// Takes the next index of State::templates.
struct NewTemplate {
  WorkflowId workflow;
  wire::JobSpec spec;
  JobId source;
  std::vector<JobId> after;
  std::vector<std::size_t> after_templates;
};
struct WorkflowTaken {
  WorkflowId workflow;
  std::string token;
  std::string name;
  std::string workspace;
  std::vector<NewJob> jobs;
  std::vector<NewTemplate> templates;
};
/// A commit brought an instance of a template into being.
struct InstanceAdded {
  std::uint64_t pattern = 0;  ///< index into State::templates
  std::string digest;         ///< of the checkpoint
  NewJob job;
};
/// Queued → starting.
struct AttemptPlaced {
  JobId job;
  Attempt attempt;
  AgentId agent;  ///< the head
  wire::GangLauncher launcher = wire::GangLauncher::kMpirun;
  std::vector<wire::Share> shares;  ///< absent in old logs: all ranks on `agent`
};
/// Starting → running; of a saving one it is noted.
struct AttemptRan {
  JobId job;
  UnixMs at_ms = 0;  ///< absent in old logs
};
/// Starting, running → saving.
struct StopAsked {
  JobId job;
  std::string reason;
  bool comes_back = false;
};
/// The grace of a saving attempt is over.
struct KillAsked {
  JobId job;
};
/// Starting, running, saving → `next`: queued, succeeded, failed or cancelled.
struct AttemptClosed {
  JobId job;
  wire::Outcome outcome = wire::Outcome::kFailed;
  std::string message;
  std::uint64_t last_step = 0;
  JobState next;
  int program_failures = 0;
  int stalled_failures = 0;
  std::optional<std::uint64_t> last_failed_step;
  std::string asked;  ///< why it was asked to leave, if it was
};
/// Queued → cancelled.
struct JobCancelled {
  JobId job;
  std::string reason;
  bool overtaken = false;
};
/// Replaces what was known of that step. `progress`: infrastructure failures count anew. A pace that
/// was measured replaces that of the job.
struct CheckpointKnown {
  JobId job;
  wire::CheckpointInfo checkpoint;
  bool progress = true;
  wire::Pace pace;
};
/// The first result of its key.
struct ResultKnown {
  JobId job;
  wire::EvaluationResult result;
};
/// Another job reported a key that is known.
struct ResultRepeated {
  std::string key;
  WorkflowId workflow;
  JobId job;  ///< 0 in old logs
};
/// Other counts under a known key.
struct ResultConflicted {
  JobId job;
  std::string key;
};
struct NoticeAdded {
  JobId job;
  std::string text;
  bool drops_oldest = false;
};
/// An agent said hello: what it is, and the newest of its events that is taken or gone.
struct AgentSeen {
  AgentId agent;
  std::string incarnation;
  std::string host;
  int slots = 0;
  int gpus = 0;
  std::uint64_t last_sequence = 0;
  wire::AgentPlace place;
};
struct AgentGone {
  AgentId agent;
};
/// Events of the agent up to `sequence` are in the log.
struct ReportsTaken {
  AgentId agent;
  std::uint64_t sequence = 0;
};
/// Messages of older attempts that were heard and not followed.
struct StaleDropped {
  std::uint64_t messages = 1;
};
struct ShutdownAsked {
  bool kill_gangs = false;
};
struct ShutdownEnded {};
struct PoolChanged {
  std::string pool;
  PoolView view;
};
/// One of several shares of an attempt runs.
struct ShareRan {
  JobId job;
  AgentId agent;
};
/// The launcher of an attempt wants its daemon on another agent's node.
struct DaemonAsked {
  JobId job;
  AgentId agent;
  std::string command;
};
/// An agent that was given up came back with its share of an attempt that still ends elsewhere: that
/// share is open again until its end is reported.
struct ShareReopened {
  JobId job;
  AgentId agent;
};
/// A person changed what is kept of a job beside its state.
struct JobSet {
  JobId job;
  int priority = 0;
  std::int64_t time_limit_s = 0;
};
struct JobHeld {
  JobId job;
  std::string reason;
};
struct JobReleased {
  JobId job;
};
/// Failed, cancelled → queued, its failures forgotten.
struct JobRevived {
  JobId job;
};
/// How the ranks of one share of the live attempt spent their time.
struct AttemptTimed {
  JobId job;
  wire::PhaseTimes spent;    ///< added up over the ranks
  wire::PhaseTimes longest;  ///< from one move to the next
};
/// All agents that are connected have so many slots from now on.
struct SlotsCounted {
  std::int64_t slots = 0;
};
/// One share of an attempt is over while others go on. Its slots are free.
struct ShareEnded {
  JobId job;
  ShareEnd end;
};

/// What is held against an agent; nothing any more where all is zero.
struct HealthSet {
  AgentId agent;
  AgentHealth health;
};

/// All jobs of a workflow have ended, long ago: it leaves the live state (archive.h).
struct WorkflowArchived {
  WorkflowId workflow;
};

using FactBody =
    std::variant<WorkflowTaken, InstanceAdded, AttemptPlaced, AttemptRan, StopAsked, KillAsked,
                 AttemptClosed, JobCancelled, CheckpointKnown, ResultKnown, ResultRepeated,
                 ResultConflicted, NoticeAdded, AgentSeen, AgentGone, ReportsTaken, StaleDropped,
                 ShutdownAsked, ShutdownEnded, PoolChanged, ShareRan, DaemonAsked, ShareEnded,
                 PoolAdded, PoolModeSet, PoolErased, PoolNoted, PoolDelayed, TokenGiven,
                 AllocationSet, AllocationGone, ShareReopened, JobSet, JobHeld, JobReleased,
                 JobRevived, HealthSet, AttemptTimed, SlotsCounted, WorkflowArchived>;
struct Fact {
  UnixMs at_ms = 0;
  FactBody body;
};

/// "workflow-taken", "attempt-placed", …: for people who read the log.
std::string_view fact_name(const Fact& fact);

/// Folds one fact into the state: O(log n). Requires that the fact was decided on this state, or
/// on the one that the same log gave; anything else aborts.
void evolve(State& state, const Fact& fact);

}  // namespace tagalign::core
