#include "coordinator/core/decide/verdict.h"

#include <algorithm>
#include <functional>

#include "base/exit_codes.h"
#include "base/format.h"

namespace tagalign::core {
namespace {

using wire::Outcome;

const ShareEnd* first(const std::vector<ShareEnd>& ends,
                      const std::function<bool(const ShareEnd&)>& wanted) {
  const auto found = std::ranges::find_if(ends, wanted);
  return found == ends.end() ? nullptr : &*found;
}

/// A rank that said why it failed, and did not only lose another. That nothing helps goes first.
const ShareEnd* own_failure(const std::vector<ShareEnd>& ends) {
  const auto* hopeless = first(
      ends, [](const ShareEnd& end) { return end.exit_code == to_int(ExitCode::kDoNotRequeue); });
  if (hopeless) return hopeless;
  return first(ends, [](const ShareEnd& end) {
    return end.outcome == Outcome::kFailed || end.outcome == Outcome::kLaunchFailed;
  });
}

/// By the agents' clocks: the launcher takes longer to end the others than clocks that are set
/// by the network differ.
const ShareEnd* first_killed(const std::vector<ShareEnd>& ends) {
  const ShareEnd* earliest = nullptr;
  for (const ShareEnd& end : ends) {
    if (end.outcome != Outcome::kRankKilled || end.failed_rank < 0) continue;
    if (earliest == nullptr || end.at_ms < earliest->at_ms) earliest = &end;
  }
  return earliest;
}

/// The rank that vanished first, called a crash when the launcher saw one.
ShareEnd vanished(ShareEnd end, const ShareEnd* head) {
  if (head != nullptr && is_crash(signal_of_code(head->exit_code))) {
    end.outcome = Outcome::kFailed;
    end.exit_code = head->exit_code;
    end.message += "; the launcher saw it crash";
  }
  return end;
}

const ShareEnd* first_of(const std::vector<ShareEnd>& ends, Outcome outcome) {
  return first(ends, [outcome](const ShareEnd& end) { return end.outcome == outcome; });
}

ShareEnd cause(const std::vector<ShareEnd>& ends, const ShareEnd* head) {
  if (const auto* lost = first_of(ends, Outcome::kAgentRestarted)) return *lost;
  if (const auto* failure = own_failure(ends)) return *failure;
  if (const auto* hung = first_of(ends, Outcome::kHung)) return *hung;
  if (const auto* killed = first_killed(ends)) return vanished(*killed, head);
  for (const Outcome outcome :
       {Outcome::kRankKilled, Outcome::kGangApart, Outcome::kKilledOnRequest}) {
    if (const auto* end = first_of(ends, outcome)) return *end;
  }
  return ends.front();
}

}  // namespace

bool ended_well(const ShareEnd& end) {
  return end.outcome == Outcome::kSucceeded || end.outcome == Outcome::kSavedAndLeft;
}

ShareEnd judge_attempt(const std::vector<ShareEnd>& ends, const AgentId& head_agent) {
  const ShareEnd* head = first(ends, [&](const ShareEnd& end) { return end.agent == head_agent; });
  // What was saved is whole only when all of them say so.
  const bool well = head != nullptr &&
                    (head->outcome == Outcome::kSucceeded || std::ranges::all_of(ends, ended_well));
  ShareEnd verdict = well ? *head : cause(ends, head);
  if (ends.size() > 1 && !ended_well(verdict) && !verdict.agent.value.empty()) {
    verdict.message = format("on {}: {}", verdict.agent.value, verdict.message);
  }
  for (const ShareEnd& end : ends) verdict.last_step = std::max(verdict.last_step, end.last_step);
  return verdict;
}

}  // namespace tagalign::core
