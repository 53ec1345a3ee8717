#include "coordinator/service/answers/job_changes.h"

#include <charconv>

#include "base/format.h"
#include "base/job_graph.h"

namespace tagalign::service {
namespace {

using wire::JobVerb;

/// Of a verb that found the job where it can do nothing.
std::string nothing(const core::Job& job) {
  return format("nothing: it is {}", core::job_state_name(job.state));
}

std::string settings(const core::Job& job) {
  const std::string limit =
      job.time_limit_s == 0 ? "none" : format_duration(job.time_limit_s * 1000);
  return format("priority {}, time limit {}", job.priority, limit);
}

std::string effect(const core::Job& job, JobVerb verb) {
  const bool saving = std::holds_alternative<core::Saving>(job.state);
  const bool queued = std::holds_alternative<core::Queued>(job.state);
  switch (verb) {
    case JobVerb::kCancel:
      if (saving) return "saves and leaves, then is cancelled";
      return std::holds_alternative<core::Cancelled>(job.state) ? "cancelled" : nothing(job);
    case JobVerb::kHold:
      if (job.held && saving) return "saves and leaves, then is held";
      return job.held ? "held" : nothing(job);
    case JobVerb::kRelease:
      return core::is_terminal(job.state) ? nothing(job) : "may start";
    case JobVerb::kRequeue:
      if (saving) return "saves and leaves, then is queued again";
      return queued ? "queued" : nothing(job);
    case JobVerb::kSet:
      return core::is_terminal(job.state) ? nothing(job) : settings(job);
  }
  return "";
}

}  // namespace

Status check(const wire::JobsChangeRequest& request) {
  if (request.selectors.empty()) return invalid_argument("name at least one job");
  const int priority = request.priority.value_or(0);
  if (priority < -kPriorityMax || priority > kPriorityMax)
    return invalid_argument(
        format("expected a priority of -{0} to {0}, found {1}", kPriorityMax, priority));
  const std::int64_t limit_s = request.time_limit_s.value_or(0);
  if (limit_s < 0 || limit_s > kTimeLimitSMax)
    return invalid_argument(
        format("expected a time limit of 0 to {} s, found {}", kTimeLimitSMax, limit_s));
  if (request.verb == JobVerb::kSet && !request.priority && !request.time_limit_s)
    return invalid_argument("nothing to set: give a priority or a time limit");
  return ok_status();
}

wire::JobsChangeReply changes(const core::State& state, const wire::JobsChangeRequest& request) {
  wire::JobsChangeReply reply;
  for (const std::string& number : request.selectors) {
    JobId id;
    std::from_chars(number.data(), number.data() + number.size(), id.value);
    const core::Job& job = state.jobs.at(id);
    reply.jobs.push_back({id, state.workflows.at(job.workflow).name, job.spec.name,
                          std::string(core::job_state_name(job.state)), effect(job, request.verb)});
  }
  return reply;
}

}  // namespace tagalign::service
