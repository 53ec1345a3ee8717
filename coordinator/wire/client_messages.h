/// What is said between command line and coordinator: plain structs like those of messages.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "coordinator/wire/messages.h"
#include "coordinator/wire/pool_messages.h"

namespace tagalign::wire {

/// `token` makes a repeated submission (lost reply) the same submission.
struct SubmitRequest {
  std::string token;
  WorkflowSpec workflow;
  bool operator==(const SubmitRequest&) const = default;
};
/// A job as people name it, looked up when the request is carried out: its number, or a name, which
/// stands for the newest job of that name. One that stands for nothing is kNotFound.
struct JobRef {
  std::string text;
  JobRef() = default;
  JobRef(std::string number_or_name) : text(std::move(number_or_name)) {}
  JobRef(JobId id) : text(std::to_string(id.value)) {}
  bool operator==(const JobRef&) const = default;
};

inline constexpr std::uint32_t kJobsPageMax = 1000;
/// Answered with one page at most, by ascending number. All that is given must fit.
struct JobsRequest {
  std::optional<WorkflowId> workflow;
  /// Of a workflow: all jobs of the newest; else as in a JobRef. Empty: any.
  std::string name;
  std::vector<JobId> jobs;             ///< empty: any; else only these
  bool active_only = false;            ///< leave out jobs that have ended
  JobId after;                         ///< only jobs of higher numbers
  std::uint32_t limit = kJobsPageMax;  ///< at most kJobsPageMax
  bool operator==(const JobsRequest&) const = default;
};
struct JobRequest {
  JobRef job;
  bool operator==(const JobRequest&) const = default;
};
struct JobLogRequest {
  JobRef job;
  std::optional<Attempt> attempt;
  std::optional<int> rank;
  std::uint32_t tail_bytes = 16'384;
  bool operator==(const JobLogRequest&) const = default;
};
struct ExplainRequest {
  JobRef job;
  bool operator==(const ExplainRequest&) const = default;
};
struct CancelRequest {
  JobRef job;
  bool operator==(const CancelRequest&) const = default;
};
/// What a person can do to jobs that are there.
enum class JobVerb : std::uint8_t {
  kCancel = 1,   ///< a running one saves first
  kHold = 2,     ///< does not start; a running one saves, leaves and is held
  kRelease = 3,  ///< may start again
  kRequeue = 4,  ///< a failed or cancelled one is tried again; a running one saves and starts anew
  kSet = 5,      ///< other priority or time limit
};
/// Selectors are numbers ("5"), ranges ("1-9"), names (the newest such job), WORKFLOW/NAME with * for
/// anything (of the newest workflow of that name), "all" (that have not ended) and "failed" (or
/// cancelled). One that stands for nothing is kNotFound, and then nothing is done.
struct JobsChangeRequest {
  std::vector<std::string> selectors;
  JobVerb verb = JobVerb::kCancel;
  std::string reason;
  std::optional<int> priority;               ///< of kSet
  std::optional<std::int64_t> time_limit_s;  ///< of kSet; 0: none
  bool operator==(const JobsChangeRequest&) const = default;
};
/// Where the slots' time went.
struct GoodputRequest {
  std::string name;  ///< as in a ResultsRequest
  bool operator==(const GoodputRequest&) const = default;
};
struct CheckpointsRequest {
  std::optional<JobRef> job;
  bool operator==(const CheckpointsRequest&) const = default;
};
struct ResultsRequest {
  std::string name;  ///< of a workflow, or of a job of one; empty: any; else as in a JobsRequest
  bool operator==(const ResultsRequest&) const = default;
};
struct StatusRequest {
  bool operator==(const StatusRequest&) const = default;
};
struct StopRequest {
  bool kill_gangs = false;
  bool operator==(const StopRequest&) const = default;
};

using ClientRequest =
    std::variant<SubmitRequest, JobsRequest, JobRequest, JobLogRequest, ExplainRequest,
                 CancelRequest, CheckpointsRequest, ResultsRequest, StatusRequest, StopRequest,
                 PoolAddRequest, PoolsRequest, PoolVerbRequest, JobsChangeRequest, GoodputRequest>;

struct SubmitReply {
  WorkflowId workflow;
  std::vector<std::pair<std::string, JobId>> jobs;
  std::vector<std::string> notices;  ///< what a person should know: a job that no agent can hold
  bool operator==(const SubmitReply&) const = default;
};

/// One job as people see it.
struct JobSummary {
  JobId id;
  WorkflowId workflow;
  std::string workflow_name;
  std::string name;
  std::string kind;
  std::string state;   ///< queued | starting | running | saving | succeeded | failed | cancelled
  std::string reason;  ///< one line: why it waits, failed, was cancelled
  bool terminal = false;
  int ranks = 0;
  int slots = 0;
  Attempt attempt;
  std::uint64_t step = 0;
  std::uint64_t steps_total = 0;
  std::string activity;
  std::string agent;
  int priority = 0;
  std::int64_t time_limit_s = 0;  ///< 0: none
  bool held = false;
  UnixMs submitted_ms = 0;
  UnixMs started_ms = 0;  ///< of the current or last attempt; 0: never
  UnixMs ended_ms = 0;
  bool operator==(const JobSummary&) const = default;
};
struct AttemptSummary {
  Attempt attempt;
  std::string agent;
  UnixMs started_ms = 0;
  UnixMs ended_ms = 0;
  std::string outcome;  ///< empty while it runs
  std::string message;
  std::vector<std::pair<int, int>> rank_pids;  ///< of the running attempt: rank, pid
  std::string launcher;                        ///< mpirun | srun
  std::vector<std::string> shares;  ///< "n1: ranks 0 to 3, slots 0,1,2,3", the head's first
  bool operator==(const AttemptSummary&) const = default;
};
struct JobsReply {
  std::vector<JobSummary> jobs;
  std::uint64_t ended_left_out = 0;  ///< because of active_only, on no page
  bool more = false;                 ///< the page is full: ask again after its last job
  bool operator==(const JobsReply&) const = default;
};
/// In slots times milliseconds (coordinator/core/ledger.h).
struct GoodputRow {
  JobId job;
  std::string workflow;
  std::string name;
  std::string kind;
  std::string state;
  int attempts = 0;
  std::int64_t waited = 0;
  std::int64_t starting = 0;
  std::int64_t loading = 0;
  std::int64_t training = 0;
  std::int64_t evaluating = 0;
  std::int64_t saving = 0;
  std::int64_t untold = 0;
  std::int64_t lost = 0;
  std::int64_t hung = 0;
  bool operator==(const GoodputRow&) const = default;
};
inline void add(GoodputRow& sum, const GoodputRow& row) {
  sum.attempts += row.attempts;
  sum.waited += row.waited;
  sum.starting += row.starting;
  sum.loading += row.loading;
  sum.training += row.training;
  sum.evaluating += row.evaluating;
  sum.saving += row.saving;
  sum.untold += row.untold;
  sum.lost += row.lost;
  sum.hung += row.hung;
}
struct JobReply {
  JobSummary summary;
  std::string workspace;
  std::vector<std::string> after;
  std::string on_commit_of;
  std::string config_yaml;
  std::vector<std::string> overrides;
  std::vector<AttemptSummary> attempts;
  std::vector<CheckpointInfo> checkpoints;
  std::vector<std::string> notices;
  GoodputRow slot_time;
  bool operator==(const JobReply&) const = default;
};
struct JobLogReply {
  std::vector<std::pair<std::string, std::string>> files;  ///< path, tail of its contents
  bool operator==(const JobLogReply&) const = default;
};
struct ExplainReply {
  std::vector<std::string> lines;
  bool operator==(const ExplainReply&) const = default;
};
struct CancelReply {
  JobId job;
  std::string name;
  std::string state;
  bool operator==(const CancelReply&) const = default;
};
struct GoodputReply {
  std::vector<GoodputRow> rows;  ///< by ascending number
  std::int64_t idle = 0;         ///< of agents that were there; 0 where a name was asked for
  bool operator==(const GoodputReply&) const = default;
};
struct ChangedJob {
  JobId job;
  std::string workflow;
  std::string name;
  std::string state;
  std::string
      effect;  ///< what the request did: "asked to save and leave", "nothing: it has succeeded"
  bool operator==(const ChangedJob&) const = default;
};
struct JobsChangeReply {
  std::vector<ChangedJob> jobs;
  bool operator==(const JobsChangeReply&) const = default;
};
struct CheckpointRow {
  JobId job;
  std::string job_name;
  CheckpointInfo checkpoint;
  UnixMs at_ms = 0;
  bool operator==(const CheckpointRow&) const = default;
};
struct CheckpointsReply {
  std::vector<CheckpointRow> rows;
  bool operator==(const CheckpointsReply&) const = default;
};
struct ResultRow {
  JobId job;
  EvaluationResult result;
  UnixMs at_ms = 0;
  bool operator==(const ResultRow&) const = default;
};
struct ResultsReply {
  std::vector<ResultRow> rows;
  GoodputRow slot_time;  ///< of all jobs that were asked for, together
  bool operator==(const ResultsReply&) const = default;
};
struct AgentSummary {
  std::string id;
  std::string host;
  bool connected = false;
  int slots = 0;
  int slots_free = 0;
  int gpus = 0;
  int pid = 0;
  std::string node;
  std::string pool;        ///< empty: started by hand
  std::string allocation;  ///< Slurm's number
  UnixMs since_ms = 0;
  UnixMs ends_ms = 0;                ///< 0: not known, or never
  std::string state;                 ///< connected | drained | leaving | lost
  std::vector<std::string> running;  ///< "train (ranks 0 to 3)"
  std::string note;                  ///< why it gets no work; empty: it does
  bool operator==(const AgentSummary&) const = default;
};
struct StatusReply {
  std::string version;
  int pid = 0;
  std::string state_folder;
  std::string endpoint;
  UnixMs started_ms = 0;
  std::uint64_t events = 0;
  std::vector<AgentSummary> agents;
  std::map<std::string, int> jobs_by_state;
  bool operator==(const StatusReply&) const = default;
};
struct StopReply {
  std::string message;
  bool operator==(const StopReply&) const = default;
};
/// A request that was refused: the code is base's ErrorCode by name.
struct ErrorReply {
  std::string code;
  std::string message;
  bool operator==(const ErrorReply&) const = default;
};

using ClientReply = std::variant<SubmitReply, JobsReply, JobReply, JobLogReply, ExplainReply,
                                 CancelReply, CheckpointsReply, ResultsReply, StatusReply,
                                 StopReply, ErrorReply, PoolsReply, JobsChangeReply, GoodputReply>;

}  // namespace tagalign::wire
