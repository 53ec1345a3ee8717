/// Cancelling on request, and of what can never start.
#include "coordinator/core/decide/turn.h"
#include "coordinator/core/dependencies.h"

namespace tagalign::core {

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
  const auto* saving = std::get_if<Saving>(&job.state);
  if (std::holds_alternative<Queued>(job.state)) {
    turn.record(JobCancelled{job.id, input.reason});
  } else if (saving != nullptr && saving->comes_back) {
    turn.record(StopAsked{job.id, input.reason});
  } else if (saving == nullptr && holder(job) != nullptr) {
    ask_to_leave(turn, job, input.reason, false);
  }
}

void ask_to_leave(Turn& turn, const Job& job, std::string reason, bool comes_back) {
  turn.record(StopAsked{job.id, std::move(reason), comes_back});
  send_stop(turn, job);
}

void cancel_orphans(Turn& turn) {
  const std::set<JobId>& orphans = turn.state.index.orphans;
  while (!orphans.empty()) {
    const Job& job = turn.state.jobs.at(*orphans.begin());
    turn.record(JobCancelled{job.id, broken_dependency(turn.state, job)});
  }
}

}  // namespace tagalign::core
