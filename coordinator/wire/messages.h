/// What is said between coordinator, agents and ranks: plain structs, no behaviour, no library. What
/// the command line says is in client_messages.h.
///
/// Encoding (cereal, private to codec.cpp) and framing are described in
/// coordinator/wire/format.md. Kinds are listed in frame.h and never reused. Every message
/// about an attempt names job and attempt: older ones are dropped.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "coordinator/wire/phases.h"

namespace tagalign::wire {

// ---------------------------------------------------------------- jobs

/// A checkpoint that somebody waits for.
struct CommitNeed {
  std::string job;
  std::uint64_t step = 0;  ///< the first that is enough
  bool operator==(const CommitNeed&) const = default;
};

/// One job of a workflow as submitted. The coordinator never looks into `config_yaml`.
struct JobSpec {
  std::string name;  ///< unique in its workflow: [a-z0-9][a-z0-9_.-]*, shown everywhere
  std::string kind;  ///< the worker's command: passed on, never judged by coordinator or agent
  int ranks = 1;     ///< MPI ranks of the gang
  int slots_per_rank = 1;  ///< slots (CPU cores, or GPUs where the agent has them) held by a rank
  std::vector<std::string> after;  ///< names of jobs that must have succeeded first
  /// Not empty: a template, instantiated for scheduled checkpoints of that job.
  std::string on_commit_of;
  int retries_max = 3;      ///< budget for failures that are the program's own
  std::string config_yaml;  ///< effective configuration of this kind of job, complete
  /// "key.path=value", applied by the worker on top of config_yaml
  std::vector<std::string> overrides;
  int ranks_per_node = 0;         ///< exactly that many on every node; 0: as many as fit
  int nodes_max = 0;              ///< 0: as many nodes as it takes
  std::string pool;               ///< only on agents of this pool; empty: on any
  int priority = 0;               ///< higher ones start first, and may take slots of lower ones
  std::int64_t time_limit_s = 0;  ///< of all its attempts together; 0: none
  std::vector<std::string> after_any;  ///< names of jobs that must have ended, in whatever way
  int commits_every = 0;     ///< of a template: every so many-th scheduled checkpoint; 0: each
  bool last_commit = false;  ///< of a template: the last checkpoint too, once that job succeeded
  bool newest_only = false;  ///< of a template: an instance that waits gives way to a newer one
  std::vector<CommitNeed> after_commit;  ///< checkpoints that must have been committed
  /// Of a template: nothing but the checkpoint of the best score, by the results of this template.
  std::string best_of;
  std::string best_dataset;  ///< whose mean IoU is the score
  std::string group;         ///< of jobs of one workflow that bound each other; empty: of none
  int group_live_max = 0;    ///< so many jobs of the group are under way at once
  PhaseTimes deadlines;  ///< for a move in each phase; 0: learned (worker/agent/gangs/progress.h)
  bool operator==(const JobSpec&) const = default;
};

struct WorkflowSpec {
  std::string name;
  std::string workspace;  ///< absolute folder; the working directory of every rank
  std::vector<JobSpec> jobs;
  bool operator==(const WorkflowSpec&) const = default;
};

/// A checkpoint that exists: its manifest is in place and verified by the rank that wrote it.
struct CheckpointInfo {
  std::uint64_t step = 0;
  std::string path;       ///< folder, absolute
  std::string digest;     ///< hex of the manifest's XXH3-128: names the content
  bool scheduled = true;  ///< false: saved as a stop was asked for; triggers no evaluation
  bool operator==(const CheckpointInfo&) const = default;
};

/// One thing that a result depends on, by name: {"window", "448"}, {"clip_weight", "0.3", true}.
struct Setting {
  std::string subject;     ///< "protocol" for the name of the whole protocol
  std::string value;       ///< empty: the subject alone says it
  bool of_method = false;  ///< what the method is, else how it was measured
  auto operator<=>(const Setting&) const = default;
};

/// Integer counts of one evaluation on one data set, and what they depend on. Percentages
/// are derived, never stored.
struct EvaluationResult {
  std::string key;         ///< hex digest over all fields that name the content
  std::string method;      ///< row of the table: "tagalign", "clip-surgery", "clip"
  std::uint64_t step = 0;  ///< training step of the checkpoint; 0 without one
  std::string dataset;     ///< column of the table
  std::string dataset_digest;
  std::string weights_digest;     ///< frozen CLIP and, if any, checkpoint
  std::vector<Setting> protocol;  ///< everything that changes the prediction, in order of display
  std::string code_version;
  std::uint64_t images = 0;
  std::vector<std::string> classes;
  std::vector<std::uint64_t> intersect;  ///< pixels per class; all four of classes.size()
  std::vector<std::uint64_t> union_;     ///< predicted + labelled − intersect
  std::vector<std::uint64_t> predicted;
  std::vector<std::uint64_t> labelled;
  /// Of each class's ranking of the images, in parts per billion; −1: no image shows it. Empty
  /// unless multi-label scores were asked for.
  std::vector<std::int64_t> average_precision;
  bool operator==(const EvaluationResult&) const = default;
};

// ---------------------------------------------------------------- gangs

/// How the processes of a gang come up on its nodes.
enum class GangLauncher : std::uint8_t {
  kMpirun = 1,  ///< Open MPI's mpirun on the head node; the other agents start its daemons
  kSrun = 2,    ///< `srun --mpi=pmix` on the head node, inside a Slurm allocation
};

/// The ranks of one attempt that run on one agent. The first share of an attempt is its head: that
/// agent starts the launcher.
struct Share {
  AgentId agent;
  int first_rank = 0;
  /// Numbers of the agent's slots, from 0, as many for each rank as the job asks, in order of ranks.
  std::vector<int> slots;
  bool operator==(const Share&) const = default;
};

// ---------------------------------------------------------------- rank → agent

struct RankHello {
  JobId job;
  Attempt attempt;
  int rank = 0;
  int pid = 0;
  std::string device;  ///< "cpu, 1 thread" or the GPU's name
  bool operator==(const RankHello&) const = default;
};
/// Sent every limits::kRankHeartbeatMs by a thread of the rank.
struct RankBeat {
  JobId job;
  Attempt attempt;
  int rank = 0;
  std::uint64_t step = 0;
  std::uint64_t steps_total = 0;
  std::string activity;  ///< one line: "train: loss 3.21, 410 images/s"
  Phase phase = Phase::kStart;
  std::uint64_t moves = 0;        ///< grows with whatever gets done
  std::uint64_t collectives = 0;  ///< that it has entered
  std::string collective;         ///< that it is in; empty outside
  std::string reading;            ///< a file that has kept it for a while: "/data/a.jpg for 31 s"
  bool operator==(const RankBeat&) const = default;
};
/// What an attempt needs, measured by its first rank. In milliseconds; 0: not measured. What goes on
/// behind the steps of a commit is in step_ms: that and save_ms are what a request to leave takes.
struct Pace {
  std::int64_t start_ms = 0;      ///< from the start of the process to the end of the first step
  std::int64_t step_ms = 0;       ///< the longest step since, or since the last commit
  std::int64_t save_ms = 0;       ///< that the steps stood still for the last commit
  std::uint64_t steps_total = 0;  ///< that the job shall make; 0: not known
  bool operator==(const Pace&) const = default;
};
struct CheckpointCommitted {
  JobId job;
  Attempt attempt;
  CheckpointInfo checkpoint;
  Pace pace;
  bool operator==(const CheckpointCommitted&) const = default;
};
struct ResultReported {
  JobId job;
  Attempt attempt;
  EvaluationResult result;
  bool operator==(const ResultReported&) const = default;
};
/// Something a person should read once: a broken image, a damaged checkpoint that was skipped.
struct RankNotice {
  JobId job;
  Attempt attempt;
  int rank = 0;
  std::string text;
  bool operator==(const RankNotice&) const = default;
};
/// The rank's own last word, before it exits. `code` is its exit code.
struct RankFarewell {
  JobId job;
  Attempt attempt;
  int rank = 0;
  int code = 0;
  std::string reason;
  std::uint64_t step = 0;
  bool operator==(const RankFarewell&) const = default;
};

/// What mpirun wants to have started on another node of the gang; said on the head node by the
/// program that mpirun takes for its remote shell, and passed on to that node's agent.
struct DaemonWanted {
  JobId job;
  Attempt attempt;
  AgentId agent;        ///< of the node
  std::string command;  ///< for the shell there
  bool operator==(const DaemonWanted&) const = default;
};

using FromRank = std::variant<RankHello, RankBeat, CheckpointCommitted, ResultReported, RankNotice,
                              RankFarewell, DaemonWanted>;

// ---------------------------------------------------------------- agent → rank

/// Save at the next step boundary that all ranks agree on, then leave with exit code 75.
struct SaveAndLeave {
  std::string reason;
  bool operator==(const SaveAndLeave&) const = default;
};
/// The agent holds the sender's event durably: it need not be sent again.
struct RankAck {
  std::uint64_t messages = 0;
  bool operator==(const RankAck&) const = default;
};

/// The agent lives: a rank that does not hear it for limits::kAgentSilentAfterMs ends.
struct AgentBeat {
  bool operator==(const AgentBeat&) const = default;
};

/// Write the stacks of all threads, the last collectives and the reads in flight to a file beside the
/// log: the gang is taken for hung, and will be ended.
struct ShowStacks {
  bool operator==(const ShowStacks&) const = default;
};

using ToRank = std::variant<SaveAndLeave, RankAck, AgentBeat, ShowStacks>;

// ---------------------------------------------------------------- agent ↔ coordinator

/// How an attempt ended, as its agent saw it.
enum class Outcome : std::uint8_t {
  kSucceeded = 1,
  kSavedAndLeft = 2,     ///< exit code 75 after a request
  kFailed = 3,           ///< the program's fault: an exit code, an error message
  kRankKilled = 4,       ///< a rank ended by a signal nobody here sent: infrastructure
  kAgentRestarted = 5,   ///< the agent died and its gang with it: infrastructure
  kKilledOnRequest = 6,  ///< the coordinator asked for it
  kLaunchFailed = 7,     ///< mpirun missing, folder not writable: nothing ran
  kGangApart = 8,        ///< its nodes did not find each other, or lost each other: infrastructure
  kHung = 9,             ///< a rank lived, or was stopped, and did not get on
};

struct AttemptStarted {
  JobId job;
  Attempt attempt;
  int launcher_pid = 0;
  UnixMs at_ms = 0;
  bool operator==(const AttemptStarted&) const = default;
};
struct AttemptEnded {
  JobId job;
  Attempt attempt;
  Outcome outcome = Outcome::kFailed;
  int exit_code = 0;
  int failed_rank = -1;  ///< -1: none, or not known
  std::uint64_t last_step = 0;
  std::string message;  ///< why, for people: "rank 1 (pid 4242) killed by signal 9 (SIGKILL)"
  UnixMs at_ms = 0;     ///< when its cause was seen; of an end without fault: the end
  bool operator==(const AttemptEnded&) const = default;
};

/// How the ranks of one share spent their time; before its AttemptEnded.
struct AttemptSpent {
  JobId job;
  Attempt attempt;
  PhaseTimes spent;    ///< added up over the ranks
  PhaseTimes longest;  ///< from one move to the next, of any of them
  bool operator==(const AttemptSpent&) const = default;
};

/// What must not be lost: spooled by the agent until acknowledged, in order.
using AgentEvent = std::variant<AttemptStarted, CheckpointCommitted, ResultReported, RankNotice,
                                AttemptEnded, DaemonWanted, AttemptSpent>;
struct SequencedEvent {
  std::uint64_t sequence = 0;
  AgentEvent event;
  bool operator==(const SequencedEvent&) const = default;
};

/// Where an agent runs, and for how long.
struct AgentPlace {
  std::string pool;        ///< that brought it up; empty: started by hand
  std::string allocation;  ///< number of the Slurm job that it runs in; empty: none
  std::string node;        ///< Slurm's name of the node, else the host's
  UnixMs ends_ms = 0;      ///< when the allocation ends; 0: not known, or never
  std::string socket;      ///< where ranks on its node find it
  GangLauncher launcher = GangLauncher::kMpirun;
  UnixMs since_ms = 0;  ///< start of the agent's process
  bool operator==(const AgentPlace&) const = default;
};

/// First message of a connection, and after every coordinator restart.
struct AgentHello {
  AgentId agent;
  std::string incarnation;  ///< new for every start of the agent process
  std::string host;
  int slots = 0;
  int gpus = 0;
  int pid = 0;
  /// Every unfinished or unacknowledged one it ever accepted.
  std::vector<std::pair<JobId, Attempt>> known_attempts;
  std::uint64_t first_unacknowledged = 0;  ///< next sequence number that it will send
  AgentPlace place;
  bool operator==(const AgentHello&) const = default;
};
struct AgentEvents {
  AgentId agent;
  std::vector<SequencedEvent> events;
  bool operator==(const AgentEvents&) const = default;
};
/// Every limits::kAgentHeartbeatMs; carries the newest beat of each rank.
struct AgentHeartbeat {
  AgentId agent;
  std::vector<RankHello> ranks;
  std::vector<RankBeat> beats;
  bool operator==(const AgentHeartbeat&) const = default;
};

using FromAgent = std::variant<AgentHello, AgentEvents, AgentHeartbeat>;

struct Launch {
  JobId job;
  Attempt attempt;
  std::string job_name;
  std::string kind;
  int ranks = 1;
  int slots_per_rank = 1;
  std::string workspace;
  std::string config_yaml;
  std::vector<std::string> overrides;
  GangLauncher launcher = GangLauncher::kMpirun;
  std::vector<Share> shares;  ///< of the whole attempt; one of them is the receiver's
  /// Places of the agents of `shares`, in the same order.
  std::vector<AgentPlace> places;
  Patience patience;
  bool operator==(const Launch&) const = default;
};
enum class StopMode : std::uint8_t { kSaveAndLeave = 1, kKill = 2 };
struct StopAttempt {
  JobId job;
  Attempt attempt;
  StopMode mode = StopMode::kKill;
  std::string reason;
  bool operator==(const StopAttempt&) const = default;
};
/// Events up to and including `sequence` are committed in the coordinator's store.
struct AckEvents {
  std::uint64_t sequence = 0;
  bool operator==(const AckEvents&) const = default;
};
/// The agent shall stop its gangs (saving) and end: pool shutdown.
struct AgentShutdown {
  std::string reason;
  std::int64_t grace_ms = 0;  ///< for saving, then gangs are killed; 0: limits::kSaveAndLeaveMsMax
  bool operator==(const AgentShutdown&) const = default;
};
/// The coordinator does not know this agent (it restarted, or dropped it): say hello again.
struct SayHello {
  bool operator==(const SayHello&) const = default;
};

/// The head's mpirun wants its daemon on this node, which has taken the launch of that attempt.
struct StartDaemon {
  JobId job;
  Attempt attempt;
  std::string command;  ///< for the shell
  bool operator==(const StartDaemon&) const = default;
};

using ToAgent = std::variant<Launch, StopAttempt, AckEvents, AgentShutdown, SayHello, StartDaemon>;

}  // namespace tagalign::wire
