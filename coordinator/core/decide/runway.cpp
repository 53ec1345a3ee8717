#include "coordinator/core/decide/runway.h"

#include <algorithm>

#include "base/limits.h"

namespace tagalign::core {
namespace {

/// Steps and saves are not all alike.
constexpr std::int64_t kCaution = 2;

/// From the request to the commit: the step on its way ends first.
std::int64_t bank_ms(const Job& job) {
  return kCaution * (job.pace.step_ms + job.pace.save_ms);
}

std::int64_t lead_ms(const Job& job) {
  return std::clamp(bank_ms(job) + limits::kLeaveMarginMs, limits::kLeaveBeforeEndMs,
                    limits::kLeaveBeforeEndMsMax);
}

}  // namespace

std::int64_t save_grace_ms(const Job& job) {
  return std::clamp(bank_ms(job), limits::kSaveAndLeaveMsMax,
                    limits::kLeaveBeforeEndMsMax - limits::kLeaveMarginMs);
}

std::int64_t save_grace_ms(const State& state, const AgentId& agent) {
  std::int64_t longest = limits::kSaveAndLeaveMsMax;
  for (const JobId id : jobs_on(state, agent))
    longest = std::max(longest, save_grace_ms(state.jobs.at(id)));
  return longest;
}

std::int64_t leave_before_end_ms(const State& state, const AgentId& agent) {
  std::int64_t longest = limits::kLeaveBeforeEndMs;
  for (const JobId id : jobs_on(state, agent))
    longest = std::max(longest, lead_ms(state.jobs.at(id)));
  return longest;
}

std::int64_t runway_ms(const Job& job) {
  const bool measured = job.pace.start_ms > 0;
  const std::int64_t start_ms =
      measured ? kCaution * job.pace.start_ms : limits::kStartMsUnmeasured;
  return start_ms + lead_ms(job);
}

}  // namespace tagalign::core
