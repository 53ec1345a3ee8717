/// The coordinator's own coming and going, and that of its pools.
#include "base/format.h"
#include "coordinator/core/decide/runway.h"
#include "coordinator/core/decide/turn.h"

namespace tagalign::core {
namespace {

constexpr const char* kReason = "the coordinator is stopped";

}  // namespace

void send_shutdown(Turn& turn, const AgentId& agent) {
  if (turn.state.stopping->kill_gangs) {
    for (const JobId id : jobs_on(turn.state, agent)) {
      turn.send(agent, wire::StopAttempt{id, turn.state.jobs.at(id).attempt, wire::StopMode::kKill,
                                         kReason});
    }
  }
  turn.send(agent, wire::AgentShutdown{kReason, save_grace_ms(turn.state, agent)});
}

void handle(Turn& turn, const StopRequested& input) {
  const auto& stopping = turn.state.stopping;
  if (stopping && (stopping->kill_gangs || !input.kill_gangs)) return;
  turn.record(ShutdownAsked{input.kill_gangs});
  turn.decision.effects.emplace_back(std::in_place_type<ClosePools>);
  for (const auto& [id, agent] : turn.state.agents) {
    if (agent.connected) send_shutdown(turn, id);
  }
}

void handle(Turn& turn, const ServiceStarted&) {
  if (!turn.state.stopping) return;
  turn.alert("an earlier stop was cut short; this start ends it, and jobs go on");
  turn.record(ShutdownEnded{});
}

void handle(Turn& turn, const ServiceStopped&) {
  if (turn.state.stopping) turn.record(ShutdownEnded{});
}

void handle(Turn& turn, const PoolReported& input) {
  const auto known = turn.state.pools.find(input.pool);
  const PoolView before = known == turn.state.pools.end() ? PoolView{} : known->second;
  if (before != input.view) turn.record(PoolChanged{input.pool, input.view});
}

}  // namespace tagalign::core
