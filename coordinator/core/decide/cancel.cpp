/// Cancelling on request, and of what can never start.
#include "coordinator/core/decide/turn.h"
#include "coordinator/core/dependencies.h"

namespace tagalign::core {
namespace {

constexpr const char* kCancelReason = "cancelled on request";

}  // namespace

void send_stop(Turn& turn, const Job& job) {
  const Saving& saving = std::get<Saving>(job.state);
  const auto mode = saving.kill_asked ? wire::StopMode::kKill : wire::StopMode::kSaveAndLeave;
  for (const wire::Share* share : open_shares(job)) {
    turn.send(share->agent, wire::StopAttempt{job.id, job.attempt, mode, saving.reason});
  }
  remind(turn, job);
}

void handle(Turn& turn, const CancelRequested& input) {
  const auto found = turn.state.jobs.find(input.job);
  if (found == turn.state.jobs.end()) return;
  const Job& job = found->second;
  if (std::holds_alternative<Queued>(job.state)) {
    turn.record(JobCancelled{job.id, kCancelReason});
  } else if (std::holds_alternative<Running>(job.state) ||
             std::holds_alternative<Starting>(job.state)) {
    turn.record(StopAsked{job.id, kCancelReason});
    send_stop(turn, job);
  }
}

void cancel_orphans(Turn& turn) {
  const std::set<JobId>& orphans = turn.state.index.orphans;
  while (!orphans.empty()) {
    const Job& job = turn.state.jobs.at(*orphans.begin());
    turn.record(JobCancelled{job.id, broken_dependency(turn.state, job)});
  }
}

}  // namespace tagalign::core
