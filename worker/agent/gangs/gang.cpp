#include "worker/agent/gangs/gang.h"

#include <algorithm>
#include <string_view>

#include "base/exit_codes.h"
#include "base/format.h"
#include "base/limits.h"
#include "worker/agent/gangs/gang_words.h"

namespace tagalign::agent {
namespace {

using wire::Outcome;

std::string_view launcher_name(const wire::Launch& launch) {
  return by_srun(launch) ? "srun" : "mpirun";
}

}  // namespace

Gang::Gang(wire::Launch launch, Part part, MonotonicMs now_ms)
    : launch_(std::move(launch)),
      part_(std::move(part)),
      started_ms_(now_ms),
      progress_(launch_.patience, part_.first_rank, part_.ranks, now_ms,
                part_.ranks == launch_.ranks) {}

bool Gang::nothing_awaited() const {
  if (launcher_pid_ != 0 || part_.is_head() || exit_) return false;
  if (cause_) return rank_pids().empty();
  return std::ssize(ranks_) == part_.ranks && rank_pids().empty();
}

void Gang::on_hello(const wire::RankHello& hello, MonotonicMs now_ms) {
  Rank& rank = ranks_[hello.rank];
  rank.hello = hello;
  rank.last_word_ms = now_ms;
}

void Gang::on_beat(const wire::RankBeat& beat, MonotonicMs now_ms) {
  const auto rank = ranks_.find(beat.rank);
  if (rank == ranks_.end()) return;  // a beat without a hello names no process
  rank->second.beat = beat;
  rank->second.last_word_ms = now_ms;
  progress_.on_beat(beat, now_ms);
}

void Gang::on_farewell(const wire::RankFarewell& farewell, MonotonicMs now_ms) {
  Rank& rank = ranks_[farewell.rank];
  if (rank.farewell) return;
  rank.farewell = farewell;
  rank.last_word_ms = now_ms;
  progress_.on_end(farewell.rank, now_ms);
}

void Gang::on_process_gone(int pid, MonotonicMs now_ms, std::optional<ExitStatus> end) {
  if (part_.is_plain) return;  // its exit says all
  for (auto& [number, rank] : ranks_) {
    if (rank.hello.pid != pid || rank.gone_ms) continue;
    rank.gone_ms = now_ms;
    rank.end = end;
    progress_.on_end(number, now_ms);
  }
}

std::optional<int> Gang::rank_of(int pid) const {
  for (const auto& [number, rank] : ranks_) {
    if (rank.hello.pid == pid) return number;
  }
  return std::nullopt;
}

void Gang::on_launcher_exit(const ExitStatus& exit, MonotonicMs now_ms) {
  exit_ = exit;
  exit_ms_ = now_ms;
}

void Gang::on_kill_request(const std::string& reason, MonotonicMs now_ms) {
  if (cause_) return;
  cause_ = Cause{.outcome = Outcome::kKilledOnRequest,
                 .message = format("killed on request: {}", reason),
                 .at_ms = now_ms};
  settled_ms_ = now_ms;
}

/// Vanished ranks are believed after a grace; a failure seen later than an open
/// vanishing waits for that.
void Gang::settle_cause(MonotonicMs now_ms) {
  const auto vanished = earliest_vanished();
  const auto failure = earliest_failure();
  if (vanished && (!failure || *vanished->at_ms <= *failure->at_ms)) {
    if (now_ms - *vanished->at_ms >= kFarewellGraceMs) cause_ = vanished;
  } else if (failure) {
    cause_ = failure;
  } else {
    cause_ = silent_rank(now_ms);
    if (!cause_) cause_ = hung_rank(now_ms);
    if (cause_) hang_ = progress_.hang_of(cause_->rank);
  }
  settled_ms_ = now_ms;
}

bool Gang::stacks_are_due(MonotonicMs now_ms) {
  if (exit_ || !cause_ || cause_->outcome != Outcome::kHung) return false;
  if (now_ms - settled_ms_ < limits::kStacksMs) return false;
  return !std::exchange(stacks_were_due_, true);
}

GangActions Gang::decide(MonotonicMs now_ms) {
  if (exit_) return {};
  if (!cause_) settle_cause(now_ms);
  if (!cause_) return {};
  const bool request = cause_->outcome == Outcome::kKilledOnRequest;
  const bool hung = cause_->outcome == Outcome::kHung;
  const bool kills = cause_->outcome == Outcome::kRankKilled || cause_->is_gone || hung;
  const std::int64_t patience_ms = request ? 0
                                   : kills ? kLauncherGraceMs
                                           : limits::kTerminateGraceMs;
  const std::int64_t since_ms =
      now_ms - settled_ms_ - (hung ? limits::kStacksMs + debugger_ms_ : 0);
  // The launcher of another node may be slow to end them, or gone.
  const bool part_of_more = request && spans_nodes(launch_);
  GangActions wanted{.show_stacks = hung,
                     .kill_ranks = (kills || part_of_more) && since_ms >= 0,
                     .terminate_launcher = since_ms >= patience_ms,
                     .kill_all = since_ms >= patience_ms + limits::kTerminateGraceMs};
  const GangActions fresh{
      .show_stacks = wanted.show_stacks && !asked_.show_stacks,
      .kill_ranks = wanted.kill_ranks && !asked_.kill_ranks,
      .terminate_launcher = wanted.terminate_launcher && !asked_.terminate_launcher,
      .kill_all = wanted.kill_all && !asked_.kill_all};
  asked_ = wanted;
  return fresh;
}

bool Gang::ranks_are_done() const {
  if (cause_ || exit_ || !part_.is_head() || spans_nodes(launch_)) return false;
  return part_.ranks > 0 && std::ssize(ranks_) == part_.ranks &&
         std::ranges::all_of(ranks_, [](const auto& entry) {
           const Rank& rank = entry.second;
           return rank.farewell && rank.farewell->code == 0 && !rank.gone_ms;
         });
}

std::optional<wire::AttemptSpent> Gang::spent(MonotonicMs now_ms) const {
  if (!progress_.is_told()) return std::nullopt;
  return wire::AttemptSpent{launch_.job, launch_.attempt, progress_.spent(now_ms, hang_),
                            progress_.longest()};
}

wire::RankNotice Gang::notice_of_cause() const {
  TA_CHECK(cause_.has_value());
  return {launch_.job, launch_.attempt, cause_->rank,
          format("the gang is ended: {}", cause_->message)};
}

bool Gang::may_conclude(MonotonicMs now_ms) const {
  if (!exit_) return false;
  return part_.is_plain || (all_said_farewell() && !ranks_.empty()) ||
         now_ms - exit_ms_ >= kFarewellGraceMs;
}

Gang::Cause Gang::refined_by_exit(Cause cause) const {
  const Rank& rank = ranks_.at(cause.rank);
  const std::string name = rank_name(cause.rank, rank.hello.pid);
  if (const int signal = signal_of_code(exit_->code); signal != 0) {
    cause.message = format("{} was {}", name, ExitStatus{.signal = signal}.to_string());
    if (is_crash(signal)) {
      cause.outcome = Outcome::kFailed;
      cause.message += ": it crashed";
      cause.log = rank_log(launch_, cause.rank);
    }
    cause.exit_code = exit_->code;
  } else if (is_failure(exit_->code) && !earliest_failure() && !asked_.terminate_launcher &&
             !spans_nodes(launch_)) {
    // Not after our SIGTERM: mpirun then ends with a code of its own.
    cause.outcome = Outcome::kFailed;
    cause.message = format("{} ended with exit code {} without saying why", name, exit_->code);
    cause.exit_code = exit_->code;
    cause.log = rank_log(launch_, cause.rank);
  }
  return cause;
}

Gang::Cause Gang::cause_from_exit() const {
  if (exit_->signal != 0) {
    return {.outcome = Outcome::kRankKilled,
            .message = format("{} (pid {}) was {}", launcher_name(launch_), launcher_pid_,
                              exit_->to_string())};
  }
  if (const int signal = signal_of_code(exit_->code); signal != 0) {
    return {.outcome = is_crash(signal) ? Outcome::kFailed : Outcome::kRankKilled,
            .exit_code = exit_->code,
            .message = format("a rank was {}", ExitStatus{.signal = signal}.to_string()),
            .log = launcher_log(launch_)};
  }
  if (spans_nodes(launch_) && ranks_.empty()) {
    return {
        .outcome = Outcome::kGangApart,
        .exit_code = exit_->code,
        .message = format("{} ended with exit code {} before a rank came up: can the nodes reach "
                          "each other?",
                          launcher_name(launch_), exit_->code),
        .log = launcher_log(launch_)};
  }
  return {.outcome = Outcome::kFailed,
          .exit_code = exit_->code,
          .message = format("{} ended with exit code {}", launcher_name(launch_), exit_->code),
          .log = launcher_log(launch_)};
}

/// Of a node without the launcher: how the others ended is not known here.
Gang::Cause Gang::verdict_of_part() const {
  if (cause_) return *cause_;
  if (const auto failure = earliest_failure()) return *failure;
  if (const auto vanished = earliest_vanished()) return *vanished;
  const bool complete = std::ssize(ranks_) == part_.ranks && all_said_farewell();
  if (!complete && ranks_.empty() && launcher_pid_ != 0) {
    return {.outcome = Outcome::kGangApart,
            .message = format("mpirun's daemon ended with {} before a rank came up: can the nodes "
                              "reach each other?",
                              exit_->to_string()),
            .log = daemon_log(launch_, launch_.shares.at(part_.share).agent)};
  }
  if (!complete) {
    return {.outcome = Outcome::kGangApart,
            .message = "the gang ended before its ranks here had said what they had to say"};
  }
  if (any_left())
    return {.outcome = Outcome::kSavedAndLeft, .exit_code = to_int(ExitCode::kRequeue)};
  return {.outcome = Outcome::kSucceeded};
}

Gang::Cause Gang::verdict() const {
  if (part_.is_plain) return verdict_of_plain();
  if (!part_.is_head()) return verdict_of_part();
  const bool told_to_fail = cause_ && cause_->outcome == Outcome::kFailed;
  if (exit_->ok() && !told_to_fail) {
    // Over several nodes ranks that saved leave with 0, so that no launcher kills the others.
    return {.outcome = any_left() ? Outcome::kSavedAndLeft : Outcome::kSucceeded};
  }
  // mpirun ends the other ranks when the first one leaves: those only seem to have vanished.
  const bool left_first = exit_->code == to_int(ExitCode::kRequeue);
  if (cause_ && !(cause_->vanished && left_first))
    return cause_->vanished ? refined_by_exit(*cause_) : *cause_;
  if (const auto failure = earliest_failure()) return *failure;
  if (any_left() || left_first) {
    return {.outcome = Outcome::kSavedAndLeft, .exit_code = to_int(ExitCode::kRequeue)};
  }
  const auto vanished = earliest_vanished();
  if (vanished && exit_->signal == 0) return refined_by_exit(*vanished);
  return cause_from_exit();
}

wire::AttemptEnded Gang::conclude(UnixMs at_ms, MonotonicMs now_ms) const {
  TA_CHECK(exit_.has_value());
  const Cause cause = verdict();
  const std::string see = cause.log.empty() ? "" : format("; see {}", cause.log.string());
  if (cause.at_ms) at_ms -= now_ms - *cause.at_ms;
  return {.job = launch_.job,
          .attempt = launch_.attempt,
          .outcome = cause.outcome,
          .exit_code = cause.exit_code,
          .failed_rank = cause.rank,
          .last_step = last_step(),
          .message = cause.message + see,
          .at_ms = at_ms};
}

Path Gang::log_of_cause() const {
  return verdict().log;
}

std::uint64_t Gang::last_step() const {
  std::uint64_t step = 0;
  for (const auto& [number, rank] : ranks_) {
    if (rank.beat) step = std::max(step, rank.beat->step);
    if (rank.farewell) step = std::max(step, rank.farewell->step);
  }
  return step;
}

std::vector<int> Gang::rank_pids() const {
  std::vector<int> pids;
  for (const auto& [number, rank] : ranks_) {
    if (!rank.gone_ms && rank.hello.pid > 0) pids.push_back(rank.hello.pid);
  }
  return pids;
}

std::vector<wire::RankHello> Gang::hellos() const {
  std::vector<wire::RankHello> hellos;
  for (const auto& [number, rank] : ranks_) hellos.push_back(rank.hello);
  return hellos;
}

std::vector<wire::RankBeat> Gang::beats() const {
  std::vector<wire::RankBeat> beats;
  for (const auto& [number, rank] : ranks_) {
    if (rank.beat) beats.push_back(*rank.beat);
  }
  return beats;
}

}  // namespace tagalign::agent
