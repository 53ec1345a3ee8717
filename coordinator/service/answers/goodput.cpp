#include "coordinator/service/answers/goodput.h"

#include <algorithm>

#include "coordinator/core/ledger.h"
#include "coordinator/service/answers/job_names.h"

namespace tagalign::service {
namespace {

std::int64_t idle(const AnswerContext& context) {
  const core::Capacity& capacity = context.state.capacity;
  std::int64_t left =
      capacity.slot_ms +
      capacity.slots * std::max<std::int64_t>(0, context.now_ms - capacity.since_ms);
  for (const auto& [id, job] : context.state.jobs)
    left -= core::ledger_of(job, context.now_ms).held();
  for (const auto& [id, workflow] : context.state.archive.workflows) left -= workflow.held_ms;
  return std::max<std::int64_t>(0, left);
}

}  // namespace

wire::GoodputRow slot_time_of(const AnswerContext& context, const core::Job& job) {
  const core::Ledger ledger = core::ledger_of(job, context.now_ms);
  return {.job = job.id,
          .workflow = context.state.workflows.at(job.workflow).name,
          .name = job.spec.name,
          .kind = job.spec.kind,
          .state = std::string(core::job_state_name(job.state)),
          .attempts = ledger.attempts,
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

wire::GoodputRow slot_time_of(const AnswerContext& context, std::optional<WorkflowId> workflow) {
  wire::GoodputRow sum;
  for (const auto& [id, job] : context.state.jobs) {
    if (!workflow || job.workflow == *workflow) wire::add(sum, slot_time_of(context, job));
  }
  return sum;
}

wire::ClientReply goodput(const AnswerContext& context, const wire::GoodputRequest& request) {
  Named named;
  if (!request.name.empty()) {
    const auto found = look_up(context.state, request.name);
    if (!found.ok()) return error_reply(found.status());
    named = *found;
  }
  wire::GoodputReply reply;
  for (const auto& [id, job] : context.state.jobs) {
    if (named.job && id != *named.job) continue;
    if (named.workflow && job.workflow != *named.workflow) continue;
    reply.rows.push_back(slot_time_of(context, job));
  }
  if (request.name.empty()) reply.idle = idle(context);
  return reply;
}

}  // namespace tagalign::service
