#include "coordinator/core/decide/retry.h"

#include <algorithm>
#include <cctype>
#include <ranges>

#include "base/exit_codes.h"
#include "base/format.h"
#include "base/limits.h"

namespace tagalign::core {
namespace {

using wire::AttemptEnded;
using wire::Outcome;

bool infrastructure(Outcome outcome) {
  return outcome == Outcome::kRankKilled || outcome == Outcome::kAgentRestarted ||
         outcome == Outcome::kKilledOnRequest || outcome == Outcome::kGangApart ||
         outcome == Outcome::kHung;
}

/// It left as it was asked to, or was killed when it took too long.
bool left_on_request(Outcome outcome) {
  return outcome == Outcome::kSavedAndLeft || outcome == Outcome::kKilledOnRequest;
}

/// Told by the rank itself, or by the agent that could not launch it.
bool place_failed(const AttemptEnded& end) {
  const bool told = end.outcome == Outcome::kFailed || end.outcome == Outcome::kLaunchFailed ||
                    end.outcome == Outcome::kHung;
  return told && end.exit_code == to_int(ExitCode::kPlaceFailed);
}

/// A disk is not emptied within seconds.
std::int64_t place_back_off_ms(int stalled_failures) {
  const std::int64_t wait_ms = limits::kPlaceBackOffMsMin
                               << std::clamp(stalled_failures - 1, 0, 10);
  return std::min(wait_ms, limits::kPlaceBackOffMsMax);
}

/// What fails again and again by no fault of the program may need time to be mended.
std::int64_t back_off_ms(int stalled_failures) {
  const int waited = stalled_failures - limits::kRetriesAtOnceMax;
  if (waited <= 0) return 0;
  const std::int64_t wait_ms = std::int64_t{1'000} << std::min(waited - 1, 10);
  return std::min(wait_ms, limits::kRetryBackOffMsMax);
}

/// What a message says without what differs from time to time: numbers, addresses, the agent.
std::string evidence_of(std::string_view message) {
  if (message.starts_with("on "))
    message.remove_prefix(std::min(message.find(": "), message.size()));
  std::string evidence;
  for (std::size_t i = 0; i < message.size(); ++i) {
    const bool digit = std::isdigit(static_cast<unsigned char>(message[i])) != 0;
    if (!digit) {
      evidence += message[i];
      continue;
    }
    while (i + 1 < message.size() && std::isalnum(static_cast<unsigned char>(message[i + 1]))) ++i;
    evidence += '#';
  }
  return evidence;
}

/// The program failed at this step before, and said the same: it will again.
bool failed_alike(const Job& job, const AttemptEnded& end) {
  if (job.last_failed_step != end.last_step) return false;
  for (const AttemptRecord& record : std::views::reverse(job.attempts)) {
    if (record.outcome != Outcome::kFailed || record.last_step != end.last_step) continue;
    return evidence_of(record.message) == evidence_of(end.message);
  }
  return false;
}

void charge_program(Verdict& verdict, const Job& job, const AttemptEnded& end, UnixMs now_ms) {
  const bool nothing_ran = end.outcome == Outcome::kLaunchFailed;
  const bool alike = !nothing_ran && failed_alike(job, end);
  ++verdict.program_failures;
  if (!nothing_ran) verdict.last_failed_step = end.last_step;
  if (end.exit_code == to_int(ExitCode::kDoNotRequeue)) {
    verdict.state = Failed{now_ms, end.message};
  } else if (alike) {
    verdict.state = Failed{now_ms, format("failed twice at step {} with the same words: {}",
                                          end.last_step, end.message)};
  } else if (verdict.program_failures > job.spec.retries_max) {
    verdict.state =
        Failed{now_ms, format("failed {} times, {} retries are allowed: {}",
                              verdict.program_failures, job.spec.retries_max, end.message)};
  } else {
    verdict.state = Queued{now_ms, nothing_ran ? now_ms + limits::kLaunchRetryMs : now_ms};
  }
}

/// Ends of one kind in a row at one step since the last new checkpoint, with the one that `end` is.
int same_at_step(const Job& job, const AttemptEnded& end) {
  int same = 1;
  for (const AttemptRecord& record : std::views::reverse(job.attempts)) {
    if (!record.outcome) continue;  // the one that ends now
    if (same > job.stalled_failures) break;
    if (record.outcome != end.outcome || record.last_step != end.last_step) break;
    ++same;
  }
  return same;
}

/// Why what happens again and again at one step is more like the job's own doing; empty while it
/// may be chance, and where the place was to blame.
std::string own_doing(const Policy& policy, const Job& job, const AttemptEnded& end) {
  const bool hung = end.outcome == Outcome::kHung;
  if (place_failed(end) || (!hung && end.outcome != Outcome::kRankKilled)) return "";
  const int same = same_at_step(job, end);
  if (same <= (hung ? policy.same_step_hangs_max : policy.same_step_kills_max)) return "";
  return format("{} {} times in a row at step {}: {}", hung ? "hung" : "killed", same,
                end.last_step, end.message);
}

void charge_infrastructure(Verdict& verdict, const Policy& policy, const Job& job,
                           const AttemptEnded& end, UnixMs now_ms) {
  const auto before =
      std::count_if(job.attempts.begin(), job.attempts.end(), [](const AttemptRecord& record) {
        return record.outcome && infrastructure(*record.outcome);
      });
  if (++verdict.stalled_failures > policy.stalled_retries_max) {
    verdict.state = Failed{now_ms, format("lost {} attempts in a row without a new checkpoint: {}",
                                          verdict.stalled_failures, end.message)};
  } else if (const std::string why = own_doing(policy, job, end); !why.empty()) {
    verdict.state = Failed{now_ms, why};
  } else if (before >= policy.infrastructure_retries_max) {
    verdict.state = Failed{now_ms, format("lost more than {} attempts: {}",
                                          policy.infrastructure_retries_max, end.message)};
  } else {
    std::int64_t wait_ms = place_failed(end) ? place_back_off_ms(verdict.stalled_failures)
                                             : back_off_ms(verdict.stalled_failures);
    if (end.outcome == Outcome::kSavedAndLeft) wait_ms = std::max(wait_ms, limits::kLaunchRetryMs);
    verdict.state = Queued{now_ms, now_ms + wait_ms};
  }
}

}  // namespace

Verdict decide_retry(const Policy& policy, const Job& job, const AttemptEnded& end, UnixMs now_ms) {
  Verdict verdict{job.state, job.program_failures, job.stalled_failures, job.last_failed_step};
  if (end.outcome == Outcome::kSucceeded) {
    verdict.state = Succeeded{now_ms};
  } else if (const auto* saving = std::get_if<Saving>(&job.state); saving && !saving->comes_back) {
    verdict.state = Cancelled{now_ms, saving->reason};
  } else if (saving && left_on_request(end.outcome)) {
    verdict.state = Queued{now_ms, now_ms + limits::kLaunchRetryMs};
  } else if (infrastructure(end.outcome) || end.outcome == Outcome::kSavedAndLeft ||
             place_failed(end)) {
    charge_infrastructure(verdict, policy, job, end, now_ms);
  } else {
    charge_program(verdict, job, end, now_ms);
  }
  return verdict;
}

}  // namespace tagalign::core
