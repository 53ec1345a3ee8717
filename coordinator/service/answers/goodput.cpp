#include "coordinator/service/answers/goodput.h"

#include <algorithm>

#include "coordinator/core/ledger.h"
#include "coordinator/service/answers/job_names.h"

namespace tagalign::service {
namespace {

/// What is left of the agents' time, of which jobs held so much.
std::int64_t idle(const AnswerContext& context, std::int64_t held) {
  const core::Capacity& capacity = context.state.capacity;
  const std::int64_t since_ms = std::max<std::int64_t>(0, context.now_ms - capacity.since_ms);
  std::int64_t left = capacity.slot_ms + capacity.slots * since_ms - held;
  for (const auto& [id, workflow] : context.state.archive.workflows) left -= workflow.held_ms;
  return std::max<std::int64_t>(0, left);
}

/// Without names, which cost more than the sums.
wire::GoodputRow times_of(const core::Ledger& ledger) {
  return {.attempts = ledger.attempts,
          .waited = ledger.waited,
          .starting = ledger.starting,
          .loading = ledger.loading,
          .training = ledger.training,
          .evaluating = ledger.evaluating,
          .saving = ledger.saving,
          .untold = ledger.untold,
          .lost = ledger.lost,
          .hung = ledger.hung};
}

wire::GoodputRow row_of(const AnswerContext& context, const core::Job& job,
                        const core::Ledger& ledger) {
  wire::GoodputRow row = times_of(ledger);
  row.job = job.id;
  row.workflow = context.state.workflows.at(job.workflow).name;
  row.name = job.spec.name;
  row.kind = job.spec.kind;
  row.state = core::job_state_name(job.state);
  return row;
}

}  // namespace

wire::GoodputRow slot_time_of(const AnswerContext& context, const core::Job& job) {
  return row_of(context, job, core::ledger_of(job, context.now_ms));
}

wire::GoodputRow slot_time_of(const AnswerContext& context, std::optional<WorkflowId> workflow) {
  const core::State& state = context.state;
  wire::GoodputRow sum;
  const auto add = [&](const core::Job& job) {
    wire::add(sum, times_of(core::ledger_of(job, context.now_ms)));
  };
  if (workflow) {
    for (const JobId id : jobs_of(state, *workflow)) add(state.jobs.at(id));
  } else {
    for (const auto& [id, job] : state.jobs) add(job);
  }
  return sum;
}

wire::ClientReply goodput(const AnswerContext& context, const wire::GoodputRequest& request) {
  const core::State& state = context.state;
  Named named;
  if (!request.name.empty()) {
    const auto found = look_up(state, request.name);
    if (!found.ok()) return error_reply(found.status());
    named = *found;
  }
  wire::GoodputReply reply;
  std::int64_t held = 0;
  const auto take = [&](const core::Job& job) {
    const core::Ledger ledger = core::ledger_of(job, context.now_ms);
    held += ledger.held();
    reply.rows.push_back(row_of(context, job, ledger));
  };
  if (named.job) {
    take(state.jobs.at(*named.job));
  } else if (named.workflow) {
    for (const JobId id : jobs_of(state, *named.workflow)) take(state.jobs.at(id));
  } else {
    for (const auto& [id, job] : state.jobs) take(job);
  }
  if (request.name.empty()) reply.idle = idle(context, held);
  return reply;
}

}  // namespace tagalign::service
