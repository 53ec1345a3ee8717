#include "coordinator/service/answers/answers.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/counted.h"
#include "base/format.h"
#include "coordinator/service/answers/goodput.h"
#include "coordinator/service/answers/job_changes.h"
#include "coordinator/service/answers/job_log.h"
#include "coordinator/service/answers/job_names.h"
#include "coordinator/service/answers/node_answers.h"
#include "coordinator/service/answers/pool_answers.h"
#include "coordinator/service/answers/result_answers.h"

namespace tagalign::service {
namespace {

using wire::ClientReply;
using wire::JobSummary;

/// Explaining looks at every live job: on a page only the first queued jobs get it.
constexpr int kReasonsPerListMax = 200;

/// The job that `ref` stands for.
Result<const core::Job*> find_job(const core::State& state, const wire::JobRef& ref) {
  TA_ASSIGN_OR_RETURN(const JobId id, newest_job(state, ref.text));
  return &state.jobs.at(id);
}

/// What a last attempt that did not succeed leaves to be done again; empty where that is nothing.
std::string lost_steps(const core::Job& job) {
  if (job.attempts.empty() || job.checkpoints.empty()) return "";
  const core::AttemptRecord& last = job.attempts.back();
  const std::uint64_t saved = job.checkpoints.rbegin()->first;
  if (!last.outcome || *last.outcome == wire::Outcome::kSucceeded || last.last_step <= saved)
    return "";
  const std::string lost = last.last_step == saved + 1
                               ? format("step {} is", last.last_step)
                               : format("steps {} to {} are", saved + 1, last.last_step);
  return format("the last saved step is {}; {} repeated when it goes on", saved, lost);
}

std::string reason_of(const AnswerContext& context, const core::Job& job) {
  if (const auto* failed = std::get_if<core::Failed>(&job.state)) {
    const std::string lost = lost_steps(job);
    return lost.empty() ? failed->reason : format("{}; {}", failed->reason, lost);
  }
  if (const auto* cancelled = std::get_if<core::Cancelled>(&job.state)) return cancelled->reason;
  if (const auto* saving = std::get_if<core::Saving>(&job.state)) return saving->reason;
  if (!std::holds_alternative<core::Queued>(job.state)) return "";
  const auto lines = core::explain(context.state, job.id, context.now_ms, core::Detail::kFirstLine);
  return lines.empty() ? "" : lines.front();
}

/// The lowest rank speaks for the gang: steps are taken together.
void add_progress(const AnswerContext& context, const core::Job& job, JobSummary& summary) {
  if (!job.attempts.empty()) {
    summary.agent = agents_of(job.attempts.back());
    summary.started_ms = job.attempts.back().started_ms;
    summary.step = job.attempts.back().last_step;
  }
  if (!job.checkpoints.empty()) {
    summary.step = std::max(summary.step, job.checkpoints.rbegin()->first);
  }
  const auto* ranks = context.telemetry.ranks(job.id, job.attempt);
  if (ranks == nullptr || ranks->empty() || summary.terminal) return;
  const RankView& first = ranks->begin()->second;
  summary.step = first.steps_total != 0 ? first.step : std::max(summary.step, first.step);
  summary.steps_total = first.steps_total;
  summary.activity = first.activity;
}

/// All but the reason, which can be costly.
JobSummary summarise(const AnswerContext& context, const core::Job& job) {
  JobSummary summary{.id = job.id,
                     .workflow = job.workflow,
                     .name = job.spec.name,
                     .kind = job.spec.kind,
                     .state = std::string(core::job_state_name(job.state)),
                     .terminal = core::is_terminal(job.state),
                     .ranks = job.spec.ranks,
                     .slots = job.spec.ranks * job.spec.slots_per_rank,
                     .attempt = job.attempt,
                     .priority = job.priority,
                     .time_limit_s = job.time_limit_s,
                     .held = job.held.has_value(),
                     .submitted_ms = job.submitted_ms,
                     .ended_ms = ended_ms(job)};
  const auto workflow = context.state.workflows.find(job.workflow);
  if (workflow != context.state.workflows.end()) summary.workflow_name = workflow->second.name;
  add_progress(context, job, summary);
  return summary;
}

wire::AttemptSummary summarise(const AnswerContext& context, const core::Job& job,
                               const core::AttemptRecord& record) {
  wire::AttemptSummary summary{.attempt = record.attempt,
                               .agent = agents_of(record),
                               .started_ms = record.started_ms,
                               .ended_ms = record.ended_ms,
                               .outcome = outcome_name(record.outcome),
                               .message = record.message,
                               .rank_pids = {},
                               .launcher = launcher_name(record),
                               .shares = share_lines(record, job.spec.slots_per_rank)};
  const auto* ranks = context.telemetry.ranks(job.id, record.attempt);
  if (ranks == nullptr || record.outcome) return summary;
  for (const auto& [rank, view] : *ranks) {
    if (view.pid != 0) summary.rank_pids.emplace_back(rank, view.pid);
  }
  return summary;
}

ClientReply reply_to(const AnswerContext& context, const wire::SubmitRequest& request) {
  const core::Workflow* workflow = core::find_submission(context.state, request.token);
  const auto archived = core::archived_submission(context.state, request.token);
  if (archived) return wire::SubmitReply{*archived, {}, {"it ended long ago and was archived"}};
  if (workflow == nullptr) return error_reply(internal_error("the submission was not recorded"));
  wire::SubmitReply reply{workflow->id, {}, {}};
  for (const JobId id : jobs_of(context.state, workflow->id)) {
    reply.jobs.emplace_back(context.state.jobs.at(id).spec.name, id);
  }
  for (const wire::JobSpec& job : request.workflow.jobs) {
    std::string notice = never_fits(context.state, job);
    if (!notice.empty()) reply.notices.push_back(std::move(notice));
  }
  return reply;
}

/// Fills one page. Jobs come by ascending number.
class JobsPage {
 public:
  JobsPage(const AnswerContext& context, const wire::JobsRequest& request)
      : context_(context),
        request_(request),
        limit_(std::clamp(request.limit, 1u, wire::kJobsPageMax)) {}

  void take(const core::Job& job) {
    if (request_.active_only && core::is_terminal(job.state)) {
      ++reply_.ended_left_out;
    } else if (job.id > request_.after) {
      reply_.more = reply_.jobs.size() == limit_;
      if (!reply_.more) show(job);
    }
  }
  /// No more jobs are looked at than the page shows, however many there are.
  void take_all() {
    const core::State& state = context_.state;
    if (request_.active_only) return take_live(core::live_jobs(state));
    auto next = state.jobs.upper_bound(request_.after);
    for (; next != state.jobs.end() && !reply_.more; ++next) take(next->second);
  }
  wire::JobsReply reply() && { return std::move(reply_); }

 private:
  void take_live(const std::set<JobId>& live) {
    auto next = live.upper_bound(request_.after);
    for (; next != live.end() && !reply_.more; ++next) take(context_.state.jobs.at(*next));
    reply_.ended_left_out = context_.state.jobs.size() - live.size();
  }
  void show(const core::Job& job) {
    const bool queued = std::holds_alternative<core::Queued>(job.state);
    reply_.jobs.push_back(summarise(context_, job));
    if (queued && ++explained_ > kReasonsPerListMax) return;
    reply_.jobs.back().reason = reason_of(context_, job);
  }

  const AnswerContext& context_;
  const wire::JobsRequest& request_;
  std::size_t limit_;
  int explained_ = 0;
  wire::JobsReply reply_;
};

ClientReply reply_to(const AnswerContext& context, const wire::JobsRequest& request) {
  const core::State& state = context.state;
  Named named{{}, request.workflow};
  if (!request.name.empty()) {
    auto found = look_up(state, request.name);
    if (!found.ok()) return error_reply(found.status());
    named = *found;
  }
  JobsPage page(context, request);
  const auto take = [&](JobId id) {
    const auto job = state.jobs.find(id);
    if (job == state.jobs.end()) return;
    const WorkflowId workflow = job->second.workflow;
    const bool fits = (!named.job || id == *named.job) &&
                      (!named.workflow || workflow == *named.workflow) &&
                      (!request.workflow || workflow == *request.workflow);
    if (fits) page.take(job->second);
  };
  if (!request.jobs.empty()) {
    for (const JobId id : std::set<JobId>(request.jobs.begin(), request.jobs.end())) take(id);
  } else if (named.job) {
    take(*named.job);
  } else if (named.workflow) {
    for (const JobId id : jobs_of(state, *named.workflow)) take(id);
  } else {
    page.take_all();
  }
  return std::move(page).reply();
}

ClientReply reply_to(const AnswerContext& context, const wire::JobRequest& request) {
  const auto found = find_job(context.state, request.job);
  if (!found.ok()) return error_reply(found.status());
  const core::Job* job = *found;
  wire::JobReply reply{.summary = summarise(context, *job),
                       .after = job->spec.after,
                       .on_commit_of = job->spec.on_commit_of,
                       .config_yaml = job->spec.config_yaml,
                       .overrides = job->spec.overrides,
                       .notices = job->notices,
                       .slot_time = slot_time_of(context, *job)};
  const auto workflow = context.state.workflows.find(job->workflow);
  reply.summary.reason = reason_of(context, *job);
  if (workflow != context.state.workflows.end()) reply.workspace = workflow->second.workspace;
  for (const auto& record : job->attempts) {
    reply.attempts.push_back(summarise(context, *job, record));
  }
  for (const auto& [step, checkpoint] : job->checkpoints) {
    reply.checkpoints.push_back(checkpoint.first);
  }
  return reply;
}

ClientReply reply_to(const AnswerContext& context, const wire::JobLogRequest& request) {
  const auto job = find_job(context.state, request.job);
  if (!job.ok()) return error_reply(job.status());
  const core::Workflow& workflow = context.state.workflows.at((*job)->workflow);
  auto reply = read_job_log(context.files, workflow, **job, request);
  if (!reply.ok()) return error_reply(reply.status());
  return std::move(*reply);
}

ClientReply reply_to(const AnswerContext& context, const wire::ExplainRequest& request) {
  const auto job = find_job(context.state, request.job);
  if (!job.ok()) return error_reply(job.status());
  wire::ExplainReply reply{core::explain(context.state, (*job)->id, context.now_ms)};
  if (auto lost = lost_steps(**job); !lost.empty()) reply.lines.push_back(std::move(lost));
  return reply;
}

ClientReply reply_to(const AnswerContext& context, const wire::CancelRequest& request) {
  const auto job = find_job(context.state, request.job);
  if (!job.ok()) return error_reply(job.status());
  return wire::CancelReply{(*job)->id, (*job)->spec.name,
                           std::string(core::job_state_name((*job)->state))};
}

ClientReply reply_to(const AnswerContext& context, const wire::JobsChangeRequest& request) {
  return changes(context.state, request);
}

ClientReply reply_to(const AnswerContext& context, const wire::GoodputRequest& request) {
  return goodput(context, request);
}

ClientReply reply_to(const AnswerContext& context, const wire::CheckpointsRequest& request) {
  wire::CheckpointsReply reply;
  const auto add = [&](const core::Job& job) {
    for (const auto& [step, checkpoint] : job.checkpoints) {
      reply.rows.push_back({job.id, job.spec.name, checkpoint.first, checkpoint.second});
    }
  };
  if (request.job) {
    const auto found = find_job(context.state, *request.job);
    if (!found.ok()) return error_reply(found.status());
    add(**found);
  } else {
    for (const auto& [id, job] : context.state.jobs) add(job);
  }
  return reply;
}

ClientReply reply_to(const AnswerContext& context, const wire::ResultsRequest& request) {
  return results_reply(context, request.name);
}

ClientReply reply_to(const AnswerContext& context, const wire::StatusRequest&) {
  wire::StatusReply reply{.version = context.identity.version,
                          .pid = context.identity.pid,
                          .state_folder = context.identity.state_folder,
                          .endpoint = context.identity.endpoint,
                          .started_ms = context.started_ms,
                          .events = context.events};
  reply.agents = agent_summaries(context.state, context.telemetry, context.now_ms);
  // Names are given to the sums: a text for each of 100,000 jobs would be felt.
  std::map<std::string_view, int> by_state;
  for (const auto& [id, job] : context.state.jobs) ++by_state[core::job_state_name(job.state)];
  for (const auto& [name, count] : by_state) reply.jobs_by_state[std::string(name)] = count;
  for (const auto& [id, archived] : context.state.archive.workflows)
    reply.jobs_by_state["archived"] += static_cast<int>(archived.jobs);
  return reply;
}

ClientReply reply_to(const AnswerContext& context, const wire::StopRequest& request) {
  const auto gangs = std::ranges::count_if(
      context.state.jobs, [](const auto& job) { return core::holder(job.second) != nullptr; });
  if (gangs == 0) return wire::StopReply{"stopping: no gang runs"};
  return wire::StopReply{
      request.kill_gangs
          ? format("stopping: {} from the last checkpoint at the next start",
                   counted(gangs, "gang is killed and goes on", "gangs are killed and go on"))
          : format("stopping: {} on at the next start",
                   counted(gangs, "gang saves, leaves, and goes", "gangs save, leave, and go"))};
}

ClientReply reply_to(const AnswerContext& context, const wire::PoolAddRequest& request) {
  return pools_reply(context, request.spec.name);
}
ClientReply reply_to(const AnswerContext& context, const wire::PoolsRequest& request) {
  return pools_reply(context, request.name);
}
ClientReply reply_to(const AnswerContext& context, const wire::PoolVerbRequest& request) {
  // One without allocations is gone with the request.
  if (!context.state.pool_records.contains(request.name)) return wire::PoolsReply{};
  return pools_reply(context, request.name);
}

}  // namespace

wire::ErrorReply error_reply(const Status& status) {
  return {std::string(error_code_name(status.code())), status.message()};
}

ClientReply answer(const AnswerContext& context, const wire::ClientRequest& request) {
  return std::visit([&](const auto& body) { return reply_to(context, body); }, request);
}

}  // namespace tagalign::service
