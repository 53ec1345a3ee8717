/// What people ask of jobs that are there: hold, release, try again, other priority or limit.
#include "base/format.h"
#include "coordinator/core/decide/turn.h"
#include "coordinator/core/dependencies.h"

namespace tagalign::core {
namespace {

bool runs(const Job& job) {
  return std::holds_alternative<Starting>(job.state) || std::holds_alternative<Running>(job.state);
}

std::string because(const std::string& what, const std::string& reason) {
  return reason.empty() ? what : format("{}: {}", what, reason);
}

void hold(Turn& turn, const Job& job, const std::string& reason) {
  if (is_terminal(job.state) || job.held) return;
  turn.record(JobHeld{job.id, because("held", reason)});
  if (runs(job)) ask_to_leave(turn, job, *job.held, true);
}

/// Jobs that were cancelled because `job` did not succeed, and those behind them, come back with it.
void revive(Turn& turn, const Job& job) {
  std::vector<JobId> behind;
  for (const JobId id : turn.state.index.jobs_of.at(job.workflow)) {
    const Job& other = turn.state.jobs.at(id);
    const auto* cancelled = std::get_if<Cancelled>(&other.state);
    if (cancelled && comes_after(turn.state, other, job.id) &&
        cancelled->reason == broken_dependency(turn.state, other))
      behind.push_back(id);
  }
  turn.record(JobRevived{job.id});
  for (const JobId id : behind) revive(turn, turn.state.jobs.at(id));
}

void requeue(Turn& turn, const Job& job, const std::string& reason) {
  if (runs(job)) return ask_to_leave(turn, job, because("requeued", reason), true);
  if (is_terminal(job.state) && !std::holds_alternative<Succeeded>(job.state)) revive(turn, job);
}

void set(Turn& turn, const Job& job, const JobChangeAsked& input) {
  const JobSet fact{job.id, input.priority.value_or(job.priority),
                    input.time_limit_s.value_or(job.time_limit_s)};
  if (is_terminal(job.state)) return;
  if (fact.priority == job.priority && fact.time_limit_s == job.time_limit_s) return;
  turn.record(fact);
  if (std::holds_alternative<Running>(job.state)) remind(turn, job);
}

}  // namespace

void handle(Turn& turn, const JobChangeAsked& input) {
  const auto found = turn.state.jobs.find(input.job);
  if (found == turn.state.jobs.end()) return;
  const Job& job = found->second;
  switch (input.verb) {
    case wire::JobVerb::kCancel:
      return handle(turn, CancelRequested{job.id, because("cancelled on request", input.reason)});
    case wire::JobVerb::kHold:
      return hold(turn, job, input.reason);
    case wire::JobVerb::kRelease:
      if (job.held && !is_terminal(job.state)) turn.record(JobReleased{job.id});
      return;
    case wire::JobVerb::kRequeue:
      return requeue(turn, job, input.reason);
    case wire::JobVerb::kSet:
      return set(turn, job, input);
  }
}

}  // namespace tagalign::core
