/// What the passing of time brings: kills after the grace, and repeats of unanswered requests.
#include <algorithm>

#include "base/limits.h"
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

UnixMs due_ms(const Job& job, UnixMs asked_ms) {
  const auto* saving = std::get_if<Saving>(&job.state);
  if (!saving || saving->kill_asked) return asked_ms + kResendMs;
  return std::min(asked_ms + kResendMs, saving->since_ms + limits::kSaveAndLeaveMsMax);
}

void ask_again(Turn& turn, const Job& job) {
  if (std::holds_alternative<Starting>(job.state)) return send_launch(turn, job);
  const auto* saving = std::get_if<Saving>(&job.state);
  if (!saving) return;
  const bool grace_over = turn.now_ms >= saving->since_ms + limits::kSaveAndLeaveMsMax;
  const bool kill_now = grace_over && !saving->kill_asked;
  if (kill_now) turn.record(KillAsked{job.id});
  send_stop(turn, job);
  // An agent that never got the launch says so in its hello, and the attempt is over.
  if (!kill_now) turn.send(*holder(job), wire::SayHello{});
}

}  // namespace

void remind(Turn& turn, const Job& job) {
  remember(turn.mind.reminders, job.id, due_ms(job, turn.now_ms));
}

void handle(Turn& turn, const TimePassed&) {
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
    const Job& job = state.jobs.at(id);
    if (std::holds_alternative<Starting>(job.state) || std::holds_alternative<Saving>(job.state)) {
      remember(reminders, id, due_ms(job, state.now_ms));
    }
  }
  return reminders;
}

std::optional<UnixMs> next_deadline(const Mind& mind, const State& state) {
  std::optional<UnixMs> earliest;
  if (!state.index.delayed.empty()) earliest = state.index.delayed.begin()->first;
  const auto& due = mind.reminders.due;
  if (!due.empty() && (!earliest || due.begin()->first < *earliest)) earliest = due.begin()->first;
  const std::optional<UnixMs> look_ms = next_look(mind, state);
  if (look_ms && (!earliest || *look_ms < *earliest)) earliest = look_ms;
  return earliest;
}

}  // namespace tagalign::core
