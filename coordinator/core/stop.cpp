/// Cancelling, and what the passing of time brings: kills after the grace, and repeats of
/// unanswered requests.
#include <algorithm>

#include "base/limits.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/core/turn.h"

namespace tagalign::core {
namespace {

constexpr const char* kCancelReason = "cancelled on request";

void ask_again(Turn& turn, Job& job) {
  if (auto* starting = std::get_if<Starting>(&job.state)) {
    if (turn.now_ms < starting->asked_ms + kResendMs) return;
    starting->asked_ms = turn.now_ms;
    turn.send(starting->agent, launch_message(turn.state, job));
  } else if (auto* saving = std::get_if<Saving>(&job.state)) {
    const bool grace_over = turn.now_ms >= saving->since_ms + limits::kSaveAndLeaveMsMax;
    const bool kill_now = grace_over && !saving->kill_sent;
    if (!kill_now && turn.now_ms < saving->asked_ms + kResendMs) return;
    saving->kill_sent = grace_over;
    const AgentId agent = saving->agent;
    send_stop(turn, job);
    // An agent that never got the launch says so in its hello, and the attempt is over.
    if (!kill_now) turn.send(agent, protocol::SayHello{});
  }
}

std::optional<UnixMs> deadline_of(const Job& job, UnixMs now_ms) {
  if (const auto* queued = std::get_if<Queued>(&job.state)) {
    if (queued->not_before_ms > now_ms) return queued->not_before_ms;
  } else if (const auto* starting = std::get_if<Starting>(&job.state)) {
    return starting->asked_ms + kResendMs;
  } else if (const auto* saving = std::get_if<Saving>(&job.state)) {
    const UnixMs again = saving->asked_ms + kResendMs;
    return saving->kill_sent ? again
                             : std::min(again, saving->since_ms + limits::kSaveAndLeaveMsMax);
  }
  return std::nullopt;
}

}  // namespace

void send_stop(Turn& turn, Job& job) {
  Saving& saving = std::get<Saving>(job.state);
  saving.asked_ms = turn.now_ms;
  const auto mode =
      saving.kill_sent ? protocol::StopMode::kKill : protocol::StopMode::kSaveAndLeave;
  turn.send(saving.agent, protocol::StopAttempt{job.id, job.attempt, mode, saving.reason});
}

void handle(Turn& turn, const CancelRequested& event) {
  const auto found = turn.state.jobs.find(event.job);
  if (found == turn.state.jobs.end()) return;
  Job& job = found->second;
  if (std::holds_alternative<Queued>(job.state)) {
    set_state(turn.state, job, Cancelled{turn.now_ms, kCancelReason});
    return;
  }
  const bool started = std::holds_alternative<Running>(job.state);
  if (!started && !std::holds_alternative<Starting>(job.state)) return;
  const AgentId agent = *holder(job);
  set_state(turn.state, job,
            Saving{agent, turn.now_ms, kCancelReason, false, turn.now_ms, started});
  send_stop(turn, job);
}

void handle(Turn& turn, const TimePassed&) {
  for (JobId id : turn.state.live) ask_again(turn, turn.state.jobs.at(id));
}

std::optional<UnixMs> next_deadline(const State& state) {
  std::optional<UnixMs> earliest;
  for (JobId id : state.live) {
    const auto deadline = deadline_of(state.jobs.at(id), state.now_ms);
    if (deadline && (!earliest || *deadline < *earliest)) earliest = deadline;
  }
  return earliest;
}

}  // namespace tagalign::core
