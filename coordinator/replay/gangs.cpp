#include "coordinator/replay/gangs.h"

#include <algorithm>

#include "base/exit_codes.h"
#include "base/format.h"

namespace tagalign::replay {

using wire::Outcome;

Gang::Gang(Task task, std::set<AgentId> agents, UnixMs placed_ms)
    : task_(std::move(task)),
      agents_(std::move(agents)),
      placed_ms_(placed_ms),
      base_ms_(std::min(work_at(task_.work, task_.from_step), task_.total_ms)),
      step_(task_.from_step) {
  plan();
}

void Gang::plan() {
  if (running_) return plan_run();
  const bool fails = task_.failure && !task_.failure->ran;
  next_ = fails ? Next::kFail : Next::kStart;
  next_ms_ = placed_ms_ + (fails ? task_.failure->after_ms : task_.work.start_ms);
}

/// The first of: the next commit, its end, its failure.
void Gang::plan_run() {
  next_ = Next::kEnd;
  next_ms_ = ran_ms_ + saved_ms_ + task_.total_ms - base_ms_;
  for (const Commit& commit : task_.work.commits) {
    if (commit.step <= step_ || commit.work_ms < base_ms_) continue;
    const UnixMs commit_ms = ran_ms_ + saved_ms_ + commit.work_ms - base_ms_ + task_.work.save_ms;
    if (commit.work_ms > task_.total_ms ||
        (task_.failure && task_.failure->ran && ran_ms_ + task_.failure->after_ms < commit_ms)) {
      break;
    }
    next_ = Next::kCommit;
    next_ms_ = commit_ms;
    return;
  }
  if (task_.failure && task_.failure->ran && ran_ms_ + task_.failure->after_ms < next_ms_) {
    next_ = Next::kFail;
    next_ms_ = ran_ms_ + task_.failure->after_ms;
  }
}

std::vector<wire::AgentEvent> Gang::act() {
  const UnixMs now_ms = next_ms_;
  switch (next_) {
    case Next::kStart:
      running_ = true;
      ran_ms_ = now_ms;
      plan();
      return {wire::AttemptStarted{task_.job, task_.attempt, 1, now_ms}};
    case Next::kCommit: {
      saved_ms_ += task_.work.save_ms;
      const auto next = std::ranges::find_if(task_.work.commits, [&](const Commit& c) {
        return c.step > step_ && c.work_ms >= base_ms_;
      });
      const wire::AgentEvent event = commit(next->step, true);
      plan();
      return {event};
    }
    case Next::kLeave: {
      std::vector<wire::AgentEvent> events;
      if (leaves_at_ > step_) events.push_back(commit(leaves_at_, false));
      events.push_back(end(Outcome::kSavedAndLeft, to_int(ExitCode::kRequeue), step_));
      return events;
    }
    case Next::kFail:
      return {end(task_.failure->outcome, task_.failure->exit_code, task_.failure->last_step)};
    case Next::kKilled:
      return {
          end(Outcome::kKilledOnRequest, 137, running_ ? step_at(task_.work, done_ms(now_ms)) : 0)};
    case Next::kEnd:
      break;
  }
  return {end(Outcome::kSucceeded, 0, step_at(task_.work, task_.total_ms))};
}

void Gang::leave(UnixMs now_ms) {
  if (stopping_) return;
  stopping_ = true;
  next_ = Next::kLeave;
  next_ms_ = now_ms;
  if (!running_ || task_.work.commits.empty()) return;
  leaves_at_ = step_at(task_.work, done_ms(now_ms));
  next_ms_ += leaves_at_ > step_ ? task_.work.save_ms : 0;
}

void Gang::kill(UnixMs now_ms) {
  stopping_ = true;
  next_ = Next::kKilled;
  next_ms_ = now_ms;
}

bool Gang::lose(const AgentId& agent) {
  agents_.erase(agent);
  return agents_.empty();
}

wire::AgentEvent Gang::commit(std::uint64_t step, bool scheduled) {
  step_ = step;
  const std::string name = format("step-{}", step);
  return wire::CheckpointCommitted{
      task_.job, task_.attempt, {step, name, name, scheduled}, task_.work.pace};
}

wire::AgentEvent Gang::end(Outcome outcome, int exit_code, std::uint64_t step) {
  over_ = true;
  return wire::AttemptEnded{.job = task_.job,
                            .attempt = task_.attempt,
                            .outcome = outcome,
                            .exit_code = exit_code,
                            .last_step = step,
                            .message = task_.failure ? task_.failure->message : "",
                            .at_ms = next_ms_};
}

}  // namespace tagalign::replay
