/// What the passing of time brings: kills after the grace, and repeats of unanswered requests.
#include <algorithm>

#include "base/format.h"
#include "base/limits.h"
#include "coordinator/core/decide/estimates.h"
#include "coordinator/core/decide/runway.h"
#include "coordinator/core/decide/turn.h"

namespace tagalign::core {
namespace {

void forget(Reminders& reminders, JobId job) {
  const auto found = reminders.due_of.find(job);
  if (found == reminders.due_of.end()) return;
  reminders.due.erase({found->second, job});
  reminders.due_of.erase(found);
}

void remember(Reminders& reminders, JobId job, UnixMs due_ms) {
  forget(reminders, job);
  reminders.due_of[job] = due_ms;
  reminders.due.emplace(due_ms, job);
}

bool is_ending(const Job& job) {
  return !job.attempts.back().ends.empty();
}

/// nullopt: nothing is asked of it, and nothing will be.
std::optional<UnixMs> due_ms(const Job& job, UnixMs asked_ms) {
  if (holder(job) == nullptr) return std::nullopt;
  const UnixMs again_ms = asked_ms + kResendMs;
  if (is_ending(job)) return again_ms;
  const auto* saving = std::get_if<Saving>(&job.state);
  if (saving)
    return saving->kill_asked ? again_ms
                              : std::min(again_ms, saving->since_ms + save_grace_ms(job));
  const auto limit_ms = limit_over_ms(job);
  if (std::holds_alternative<Running>(job.state)) return limit_ms;
  return limit_ms ? std::min(again_ms, *limit_ms) : again_ms;
}

/// True when the job was asked to leave.
bool end_at_limit(Turn& turn, const Job& job) {
  const auto limit_ms = limit_over_ms(job);
  if (!limit_ms || turn.now_ms < *limit_ms || std::holds_alternative<Saving>(job.state))
    return false;
  ask_to_leave(turn, job,
               format("its time limit of {} is over; a longer one: tagalign job set {} "
                      "--time-limit, then job requeue",
                      format_duration(job.time_limit_s * 1000), job.id.value),
               false);
  return true;
}

void say_hello(Turn& turn, const Job& job) {
  for (const wire::Share* share : open_shares(job)) turn.send(share->agent, wire::SayHello{});
}

void ask_again(Turn& turn, const Job& job) {
  if (!holder(job)) return;
  if (is_ending(job)) {
    send_end(turn, job);
    return say_hello(turn, job);
  }
  if (end_at_limit(turn, job)) return;
  if (std::holds_alternative<Starting>(job.state)) return send_launch(turn, job);
  const auto* saving = std::get_if<Saving>(&job.state);
  if (!saving) return remind(turn, job);
  const bool grace_over = turn.now_ms >= saving->since_ms + save_grace_ms(job);
  const bool kill_now = grace_over && !saving->kill_asked;
  if (kill_now) turn.record(KillAsked{job.id});
  send_stop(turn, job);
  // An agent that never got the launch says so in its hello, and the attempt is over.
  if (!kill_now) say_hello(turn, job);
}

/// When an agent whose allocation ends is to be told to leave, or told again. nullopt: it has
/// withdrawn its slots already.
std::optional<UnixMs> leave_due_ms(const Mind& mind, const State& state, const AgentId& agent) {
  if (state.agents.at(agent).slots == 0) return std::nullopt;
  const auto told = mind.reminders.told_to_leave.find(agent);
  if (told != mind.reminders.told_to_leave.end()) return told->second + kResendMs;
  return state.index.end_of.at(agent) - leave_before_end_ms(state, agent);
}

void tell_to_leave(Turn& turn) {
  for (const auto& [ends_ms, agent] : turn.state.index.ends) {
    if (ends_ms - limits::kLeaveBeforeEndMsMax > turn.now_ms) return;
    const auto due_ms = leave_due_ms(turn.mind, turn.state, agent);
    if (!due_ms || *due_ms > turn.now_ms) continue;
    turn.mind.reminders.told_to_leave[agent] = turn.now_ms;
    turn.send(agent,
              wire::AgentShutdown{"its allocation ends soon", save_grace_ms(turn.state, agent)});
  }
}

}  // namespace

void remind(Turn& turn, const Job& job) {
  forget(turn.mind.reminders, job.id);
  if (const auto due = due_ms(job, turn.now_ms)) remember(turn.mind.reminders, job.id, *due);
}

void handle(Turn& turn, const TimePassed&) {
  tell_to_leave(turn);
  std::set<std::pair<UnixMs, JobId>>& due = turn.mind.reminders.due;
  while (!due.empty() && due.begin()->first <= turn.now_ms) {
    const JobId id = due.begin()->second;
    forget(turn.mind.reminders, id);
    if (turn.state.index.live.contains(id)) ask_again(turn, turn.state.jobs.at(id));
  }
}

Reminders remind_all(const State& state) {
  Reminders reminders;
  for (const JobId id : state.index.live) {
    if (const auto due = due_ms(state.jobs.at(id), state.now_ms)) remember(reminders, id, *due);
  }
  return reminders;
}

std::optional<UnixMs> next_deadline(const Mind& mind, const State& state) {
  std::optional<UnixMs> earliest;
  if (!state.index.delayed.empty()) earliest = state.index.delayed.begin()->first;
  const auto& probes = state.index.probes;
  if (!probes.empty() && (!earliest || probes.begin()->first < *earliest))
    earliest = probes.begin()->first;
  const auto& due = mind.reminders.due;
  if (!due.empty() && (!earliest || due.begin()->first < *earliest)) earliest = due.begin()->first;
  for (const auto& [ends_ms, agent] : state.index.ends) {
    const auto due_ms = leave_due_ms(mind, state, agent);
    if (earliest && ends_ms - limits::kLeaveBeforeEndMsMax >= *earliest) break;
    if (due_ms && (!earliest || *due_ms < *earliest)) earliest = *due_ms;
  }
  for (const auto& look_ms : {next_look(mind, state), mind.reminders.room_again}) {
    if (look_ms && (!earliest || *look_ms < *earliest)) earliest = look_ms;
  }
  return earliest;
}

}  // namespace tagalign::core
