#include "coordinator/core/health.h"

#include "base/format.h"

namespace tagalign::core {
namespace {

std::string next_try(const State& state, const AgentId& agent, UnixMs now_ms) {
  const AgentHealth& health = state.health.at(agent);
  if (!health.on_probe)
    return format("one is tried there in {}",
                  format_duration(std::max<std::int64_t>(0, health.probe_ms - now_ms)));
  const std::set<JobId>& there = jobs_on(state, agent);
  if (there.empty()) return "the next that finds no room elsewhere is tried there";
  return format("{} is tried there now", label(state.jobs.at(*there.begin())));
}

}  // namespace

int strikes(const AgentHealth& health) {
  return health.deaths + static_cast<int>(health.jobs.size());
}

std::string drained_text(const State& state, const AgentId& agent, UnixMs now_ms) {
  if (!is_drained(state, agent)) return "";
  const AgentHealth& health = state.health.at(agent);
  return format("drained: {} attempts in a row died there, the last of: {}; {}", strikes(health),
                health.last, next_try(state, agent, now_ms));
}

}  // namespace tagalign::core
