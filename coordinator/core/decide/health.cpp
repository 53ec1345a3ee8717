/// A node on which attempts keep dying gets no work, until one attempt has tried it.
///
/// The news must be the node's: of what a job may die by itself (a crash, a kill by the kernel when
/// memory runs out) every job counts once, and nothing counts while others do no better, so that one
/// bad job, or a trouble that all share, drains nobody. The last agent that works is never drained.
#include "coordinator/core/health.h"

#include <algorithm>

#include "base/exit_codes.h"
#include "base/format.h"
#include "coordinator/core/decide/turn.h"
#include "coordinator/core/decide/verdict.h"

namespace tagalign::core {
namespace {

using wire::Outcome;

enum class Cause { kNobody, kJobOrNode, kNode };

Cause cause_of(const ShareEnd& end) {
  switch (end.outcome) {
    case Outcome::kAgentRestarted:
      return Cause::kNode;
    case Outcome::kRankKilled:
    case Outcome::kHung:
      return end.exit_code == to_int(ExitCode::kPlaceFailed) ? Cause::kNode : Cause::kJobOrNode;
    case Outcome::kFailed:
    case Outcome::kLaunchFailed:
      if (end.exit_code == to_int(ExitCode::kDoNotRequeue)) return Cause::kNobody;
      if (end.exit_code == to_int(ExitCode::kPlaceFailed)) return Cause::kNode;
      return end.outcome == Outcome::kLaunchFailed ? Cause::kNode : Cause::kJobOrNode;
    case Outcome::kSucceeded:
    case Outcome::kSavedAndLeft:
    case Outcome::kKilledOnRequest:
    case Outcome::kGangApart:
      return Cause::kNobody;
  }
  return Cause::kNobody;
}

/// Somebody else was well since `since_ms`, and is still there.
bool others_do_well(const State& state, const AgentId& agent, UnixMs since_ms) {
  return std::ranges::any_of(state.index.good_at, [&](const auto& good) {
    const auto& [other, at_ms] = good;
    if (other == agent || at_ms < since_ms || is_drained(state, other)) return false;
    const auto known = state.agents.find(other);
    return known != state.agents.end() && known->second.connected;
  });
}

std::int64_t back_off_ms(const Policy& policy, int drains) {
  std::int64_t wait_ms = policy.drain_back_off_ms;
  for (int i = 1; i < drains && wait_ms < policy.drain_back_off_ms_max; ++i) wait_ms *= 2;
  return std::min(wait_ms, policy.drain_back_off_ms_max);
}

void drain(Turn& turn, const Job& job, const AgentId& agent, AgentHealth health) {
  ++health.drains;
  health.on_probe = false;
  health.probe_ms = turn.now_ms + back_off_ms(turn.mind.policy, health.drains);
  turn.record(HealthSet{agent, std::move(health)});
  const std::string text =
      format("agent {} is {}", agent.value, drained_text(turn.state, agent, turn.now_ms));
  add_notice(turn, job, text);
  turn.alert(text);
}

void blame(Turn& turn, const Job& job, const ShareEnd& end, Cause cause) {
  const auto known = turn.state.health.find(end.agent);
  AgentHealth health = known == turn.state.health.end() ? AgentHealth{} : known->second;
  // What ends several attempts at one moment is one death.
  const bool same = strikes(health) > 0 && health.last_ms == turn.now_ms;
  if (health.first_ms == 0) health.first_ms = turn.now_ms;
  health.last_ms = turn.now_ms;
  health.last = end.message;
  if (!same && cause == Cause::kJobOrNode) health.jobs.insert(job.id);
  if (!same && cause == Cause::kNode) ++health.deaths;
  const bool drained = health.drains > 0;
  const bool fails_again = drained && health.on_probe;
  const bool begins = !drained && strikes(health) >= turn.mind.policy.drain_after &&
                      others_do_well(turn.state, end.agent, health.first_ms);
  if (fails_again || begins) return drain(turn, job, end.agent, std::move(health));
  turn.record(HealthSet{end.agent, std::move(health)});
}

void absolve(Turn& turn, const AgentId& agent) {
  if (!turn.state.health.contains(agent)) return;
  if (is_drained(turn.state, agent))
    turn.alert(format("agent {} works again: an attempt there got on", agent.value));
  turn.record(HealthSet{agent, {}});
}

/// Connected, and neither drained nor about to leave.
bool somebody_is_well(const State& state) {
  return std::ranges::any_of(state.index.free_of,
                             [&](const auto& entry) { return !is_drained(state, entry.first); });
}

}  // namespace

void absolve_agents(Turn& turn, const Job& job) {
  if (turn.state.health.empty()) return;
  for (const wire::Share& share : job.attempts.back().shares) absolve(turn, share.agent);
}

void rate_agents(Turn& turn, const Job& job, const ShareEnd& end) {
  if (ended_well(end)) return absolve_agents(turn, job);
  const Cause cause = cause_of(end);
  if (cause != Cause::kNobody && turn.state.agents.contains(end.agent))
    blame(turn, job, end, cause);
}

void offer_probes(Turn& turn) {
  std::vector<AgentId> due;
  const bool alone = !turn.state.index.probes.empty() && !somebody_is_well(turn.state);
  for (const auto& [probe_ms, agent] : turn.state.index.probes) {
    if (probe_ms <= turn.now_ms || (alone && turn.state.agents.at(agent).connected))
      due.push_back(agent);
  }
  for (const AgentId& agent : due) {
    AgentHealth health = turn.state.health.at(agent);
    health.on_probe = true;
    turn.record(HealthSet{agent, std::move(health)});
  }
}

}  // namespace tagalign::core
