// What may have ended a gang, each sign by itself; gang.cpp weighs them.
#include <algorithm>

#include "base/exit_codes.h"
#include "base/format.h"
#include "base/limits.h"
#include "worker/agent/gangs/gang.h"
#include "worker/agent/gangs/gang_words.h"

namespace tagalign::agent {
namespace {

using wire::Outcome;

bool lost_peer(int code) {
  return code == to_int(ExitCode::kPeerLost);
}

}  // namespace

std::optional<Gang::Cause> Gang::earliest_vanished() const {
  std::optional<Cause> earliest;
  for (const auto& [number, rank] : ranks_) {
    if (!rank.vanished() || (earliest && *rank.gone_ms >= *earliest->at_ms)) continue;
    earliest = cause_of_gone(number, rank);
  }
  return earliest;
}

/// A crash and an exit leave a note, a kill does not.
Gang::Cause Gang::cause_of_gone(int number, const Rank& rank) const {
  const std::string name = rank_name(number, rank.hello.pid);
  Cause cause{.outcome = Outcome::kRankKilled,
              .rank = number,
              .message = format("{} vanished without a word: it was killed", name),
              .at_ms = *rank.gone_ms,
              .is_gone = true,
              .vanished = true};
  if (!rank.end) return cause;
  cause.vanished = false;
  cause.outcome = Outcome::kFailed;
  cause.log = rank_log(launch_, number);
  cause.exit_code = rank.end->signal != 0 ? kSignalCode + rank.end->signal : rank.end->code;
  cause.message = rank.end->signal != 0
                      ? format("{} was {}: it crashed", name, rank.end->to_string())
                      : format("{} ended with {} without saying why", name, rank.end->to_string());
  return cause;
}

/// One that only lost another rank is no cause beside one that failed by itself, and the program is
/// not to blame for it.
std::optional<Gang::Cause> Gang::earliest_failure() const {
  const auto own = earliest_farewell([](int code) { return is_failure(code) && !lost_peer(code); });
  return own ? own : earliest_farewell(lost_peer);
}

std::optional<Gang::Cause> Gang::earliest_farewell(bool (*wanted)(int code)) const {
  std::optional<Cause> earliest;
  for (const auto& [number, rank] : ranks_) {
    if (!rank.farewell || !wanted(rank.farewell->code)) continue;
    if (earliest && rank.last_word_ms >= *earliest->at_ms) continue;
    const bool own = !lost_peer(rank.farewell->code);
    earliest = Cause{.outcome = own ? Outcome::kFailed : Outcome::kGangApart,
                     .rank = number,
                     .exit_code = rank.farewell->code,
                     .message = format("rank {}: {}", number, rank.farewell->reason),
                     .at_ms = rank.last_word_ms};
  }
  return earliest;
}

bool Gang::all_said_farewell() const {
  return std::ranges::all_of(ranks_,
                             [](const auto& entry) { return entry.second.farewell.has_value(); });
}

bool Gang::any_left() const {
  return std::ranges::any_of(ranks_, [](const auto& entry) {
    return entry.second.farewell && entry.second.farewell->code == to_int(ExitCode::kRequeue);
  });
}

/// Nothing more is expected of a rank that said farewell, but that all end together. One that has
/// not said hello yet is given the time of a start.
std::optional<Gang::Cause> Gang::silent_rank(MonotonicMs now_ms) const {
  if (part_.is_plain) return std::nullopt;  // it need not say anything
  const bool all_left = std::ssize(ranks_) == part_.ranks && all_said_farewell();
  for (const auto& [number, rank] : ranks_) {
    if (rank.farewell && !all_left) continue;
    if (now_ms - rank.last_word_ms < limits::kRankSilentAfterMs) continue;
    return Cause{.outcome = rank.farewell ? Outcome::kRankKilled : Outcome::kHung,
                 .rank = number,
                 .message = format("{} was silent for {}: stopped, or wedged as a whole; see {}",
                                   rank_name(number, rank.hello.pid),
                                   format_duration(limits::kRankSilentAfterMs), stacks_of(number)),
                 .at_ms = now_ms};
  }
  return std::nullopt;
}

std::string Gang::stacks_of(int rank) const {
  return rank_stacks(launch_, rank).string();
}

std::optional<Gang::Cause> Gang::hung_rank(MonotonicMs now_ms) const {
  if (part_.is_plain) return std::nullopt;
  const auto hang = progress_.hang(now_ms);
  if (!hang) return std::nullopt;
  const auto rank = ranks_.find(hang->rank);
  const bool known = rank != ranks_.end();
  return Cause{.outcome = Outcome::kHung,
               .rank = hang->rank,
               .exit_code = hang->reading ? to_int(ExitCode::kPlaceFailed) : 0,
               .message = format("{} {}; see {}",
                                 known ? rank_name(hang->rank, rank->second.hello.pid)
                                       : format("rank {}", hang->rank),
                                 hang->why, stacks_of(hang->rank)),
               .at_ms = now_ms};
}

}  // namespace tagalign::agent
