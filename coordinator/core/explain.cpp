/// Why a job is where it is, in words, from the data that the scheduler decides by.
#include <algorithm>

#include "base/format.h"
#include "coordinator/core/core.h"
#include "coordinator/core/dependencies.h"

namespace tagalign::core {
namespace {

using Lines = std::vector<std::string>;

std::string plural(int count, std::string_view noun) {
  return format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string holders_of(const State& state, const Agent& agent) {
  std::string text;
  for (JobId id : jobs_on(state, agent.id)) {
    const Job& job = state.jobs.at(id);
    text += format("{}{} holds {}", text.empty() ? ": " : ", ", label(job), slots_of(job.spec));
  }
  return text;
}

Lines explain_placement(const State& state, const Job& job) {
  const int needed = slots_of(job.spec);
  int largest = 0;
  Lines lines;
  for (const auto& [id, agent] : state.agents) {
    if (!agent.connected) continue;
    largest = std::max(largest, agent.slots);
    if (agent.slots < needed) continue;
    lines.push_back(format("agent {} has {} of {} free{}", id.value,
                           plural(free_slots(state, agent), "slot"), agent.slots,
                           holders_of(state, agent)));
  }
  if (largest == 0) return {format("needs {}; no agent is connected", plural(needed, "slot"))};
  if (lines.empty()) {
    return {format("needs {}; the largest agent has {}: waits until a larger one joins",
                   plural(needed, "slot"), largest)};
  }
  lines.insert(lines.begin(), format("waits for {} on one agent", plural(needed, "free slot")));
  return lines;
}

Lines explain_state(const State& state, const Job& job, const Queued& queued, UnixMs now_ms) {
  if (Lines unmet = unmet_dependencies(state, job); !unmet.empty()) return unmet;
  if (queued.not_before_ms > now_ms) {
    return {format("starts again in {}", format_duration(queued.not_before_ms - now_ms))};
  }
  return explain_placement(state, job);
}
Lines explain_state(const State&, const Job& job, const Starting& starting, UnixMs now_ms) {
  return {format("attempt {} was sent to agent {} {} ago; it has not said that the ranks run",
                 job.attempt.value, starting.agent.value,
                 format_duration(now_ms - starting.since_ms))};
}
Lines explain_state(const State&, const Job& job, const Running& running, UnixMs now_ms) {
  return {format("attempt {} runs on agent {} for {}", job.attempt.value, running.agent.value,
                 format_duration(now_ms - running.since_ms))};
}
Lines explain_state(const State&, const Job& job, const Saving& saving, UnixMs now_ms) {
  return {format("attempt {} on agent {} was asked {} ago to {}: {}", job.attempt.value,
                 saving.agent.value, format_duration(now_ms - saving.since_ms),
                 saving.kill_asked ? "end at once" : "save and leave", saving.reason)};
}
Lines explain_state(const State&, const Job& job, const Succeeded&, UnixMs) {
  return {format("succeeded in attempt {}", job.attempt.value)};
}
Lines explain_state(const State&, const Job&, const Failed& failed, UnixMs) {
  return {"failed: " + failed.reason};
}
Lines explain_state(const State&, const Job&, const Cancelled& cancelled, UnixMs) {
  return {"cancelled: " + cancelled.reason};
}

/// The last ended attempt that did not succeed, and what its end cost.
void add_history(const Job& job, Lines& lines) {
  const auto ended =
      std::find_if(job.attempts.rbegin(), job.attempts.rend(),
                   [](const AttemptRecord& record) { return record.outcome.has_value(); });
  if (ended == job.attempts.rend() || *ended->outcome == wire::Outcome::kSucceeded) return;
  lines.push_back(format("attempt {} ended at step {}: {}", ended->attempt.value, ended->last_step,
                         ended->message));
  if (job.program_failures > 0) {
    lines.push_back(format("failures charged to the program: {}; {} may be retried",
                           job.program_failures, job.spec.retries_max));
  }
}

}  // namespace

std::vector<std::string> explain(const State& state, JobId job_id, UnixMs now_ms) {
  const auto found = state.jobs.find(job_id);
  if (found == state.jobs.end()) return {format("there is no job {}", job_id.value)};
  const Job& job = found->second;
  Lines lines =
      std::visit([&](const auto& s) { return explain_state(state, job, s, now_ms); }, job.state);
  add_history(job, lines);
  return lines;
}

}  // namespace tagalign::core
