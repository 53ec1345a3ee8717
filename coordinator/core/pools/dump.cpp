#include "coordinator/core/pools/dump.h"

#include "base/format.h"
#include "coordinator/core/state.h"

namespace tagalign::core {
namespace {

std::string source_text(const wire::SlurmSource& s) {
  std::string text = format(
      "slurm partition='{}' account='{}' nodes={} gpus={} cpus={} time_s={} signal_s={} backlog={} "
      "max={} idle_ms={} args=",
      s.partition, s.account, s.nodes, s.gpus_per_node, s.cpus_per_node, s.time_limit_s,
      s.signal_before_end_s, s.backlog, s.max, s.idle_ms);
  for (const std::string& argument : s.sbatch_args) text += format("'{}'", argument);
  return text;
}
std::string source_text(const wire::SshSource& s) {
  std::string text = format("ssh state='{}' program='{}' hosts=", s.state, s.program);
  for (const wire::SshHost& host : s.hosts) text += format("'{}':{}", host.host, host.slots);
  return text;
}

std::string allocation_text(const Allocation& a) {
  return format(
      "  allocation {} number='{}' stage={} slurm_state='{}' reason='{}' nodes='{}' asked={} "
      "started={} ends={} restarts={} joined={} leaving={} leaving_why='{}' failures={} "
      "not_before={}\n",
      a.token, a.number, static_cast<int>(a.stage), a.slurm_state, a.reason, a.nodes, a.asked_ms,
      a.started_ms, a.ends_ms, a.restarts, a.joined, a.leaving_ms, a.leaving_why, a.failures,
      a.not_before_ms);
}

}  // namespace

std::string dump_pools(const State& state) {
  std::string text;
  if (state.tokens_given != 0) text += format("tokens_given={}\n", state.tokens_given);
  for (const auto& [name, pool] : state.pool_records) {
    text += format(
        "pool record {} added={} mode={} mode_reason='{}' failures={} not_before={} "
        "last_failure='{}' launcher={} name='{}'\n  {}\n",
        name, pool.added_ms, static_cast<int>(pool.mode), pool.mode_reason, pool.failures,
        pool.not_before_ms, pool.last_failure, static_cast<int>(pool.spec.launcher), pool.spec.name,
        std::visit([](const auto& s) { return source_text(s); }, pool.spec.source));
    for (const auto& [token, allocation] : pool.allocations) text += allocation_text(allocation);
    for (const PoolEvent& event : pool.events) {
      text += format("  event at={} '{}'\n", event.at_ms, event.text);
    }
  }
  return text;
}

}  // namespace tagalign::core
