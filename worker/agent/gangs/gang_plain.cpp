// A gang that is one plain process: it says no hello and no farewell, so that its agent knows of it
// what the kernel tells and no more.
#include <algorithm>
#include <csignal>

#include "base/exit_codes.h"
#include "base/format.h"
#include "worker/agent/gangs/gang.h"
#include "worker/agent/gangs/gang_words.h"

namespace tagalign::agent {

using wire::Outcome;

void Gang::on_launcher_started(int pid) {
  launcher_pid_ = pid;
  if (!part_.is_plain) return;
  ranks_[0].hello = {launch_.job, launch_.attempt, 0, pid, "plain process"};
}

/// One that never reports its progress is as far as its newest checkpoint.
void Gang::on_checkpoint(std::uint64_t step) {
  Rank& rank = ranks_[0];
  if (!rank.beat) rank.beat = wire::RankBeat{launch_.job, launch_.attempt, 0, 0, 0, ""};
  rank.beat->step = std::max(rank.beat->step, step);
}

/// Asked to leave, a program that does not know how to save ends by the signal.
Gang::Cause Gang::verdict_of_plain() const {
  const int signal = exit_->signal != 0 ? exit_->signal : signal_of_code(exit_->code);
  Cause cause{.exit_code = exit_->code,
              .message = format("process {} ended with {}", launcher_pid_, exit_->to_string()),
              .log = rank_log(launch_, 0)};
  if (exit_->ok()) return {.outcome = Outcome::kSucceeded};
  if (cause_) return *cause_;
  if (exit_->code == to_int(ExitCode::kRequeue)) {
    return {.outcome = Outcome::kSavedAndLeft, .exit_code = exit_->code};
  }
  if (signal == 0) return cause;
  cause.message =
      format("process {} was {}", launcher_pid_, ExitStatus{.signal = signal}.to_string());
  if (asked_to_leave_ && signal == SIGTERM) {
    return {.outcome = Outcome::kKilledOnRequest,
            .message = format("process {} ended by SIGTERM, as it was asked to leave; one that "
                              "saves first ends with 75",
                              launcher_pid_)};
  }
  cause.exit_code = kSignalCode + signal;
  if (is_crash(signal)) {
    cause.message += ": it crashed";
    return cause;
  }
  cause.outcome = Outcome::kRankKilled;
  cause.log.clear();
  return cause;
}

}  // namespace tagalign::agent
