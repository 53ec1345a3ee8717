#include "coordinator/service/answers/pool_answers.h"

#include <algorithm>

#include "base/format.h"

namespace tagalign::service {
namespace {

using core::Allocation;
using core::AllocationStage;
using core::PoolMode;
using core::PoolRecord;

std::string state_of(const PoolRecord& pool, const Allocation& allocation) {
  const bool slurm = std::holds_alternative<wire::SlurmSource>(pool.spec.source);
  if (allocation.leaving_ms != 0) return "leaving";
  switch (allocation.stage) {
    case AllocationStage::kAsked:
      return "asked";
    case AllocationStage::kPending:
      return slurm ? "pending" : "down";
    case AllocationStage::kRunning:
      break;
  }
  if (!allocation.joined) return "starting";
  const bool usual = allocation.slurm_state.empty() || allocation.slurm_state == "RUNNING";
  return usual ? "running" : format("running ({})", allocation.slurm_state);
}

std::string reason_of(const AnswerContext& context, const Allocation& allocation) {
  if (allocation.leaving_ms != 0) return allocation.leaving_why;
  if (allocation.not_before_ms <= context.now_ms) return allocation.reason;
  return format("{}; tried again in {}", allocation.reason,
                format_duration(allocation.not_before_ms - context.now_ms));
}

wire::AllocationSummary summarise(const AnswerContext& context, const PoolRecord& pool,
                                  const Allocation& allocation) {
  const bool slurm = std::holds_alternative<wire::SlurmSource>(pool.spec.source);
  return {.name = slurm ? core::job_name_of(pool.spec.name, allocation.token) : allocation.token,
          .number = allocation.number,
          .state = state_of(pool, allocation),
          .reason = reason_of(context, allocation),
          .nodes = allocation.nodes,
          .agents = static_cast<int>(core::agents_of(context.state, pool, allocation).size()),
          .asked_ms = allocation.asked_ms,
          .started_ms = allocation.started_ms,
          .ends_ms = allocation.ends_ms,
          .restarts = allocation.restarts};
}

void add_state(const AnswerContext& context, const PoolRecord& pool, wire::PoolSummary& summary) {
  summary.reason = pool.mode_reason;
  if (pool.mode == PoolMode::kPaused) {
    summary.state = "paused";
  } else if (pool.mode == PoolMode::kRemoving) {
    summary.state = "removing";
  } else if (context.now_ms < pool.not_before_ms) {
    summary.state = "waiting";
    summary.reason =
        format("nothing is asked for within {}: {}",
               format_duration(pool.not_before_ms - context.now_ms), pool.last_failure);
  } else {
    summary.state = "open";
  }
}

wire::PoolSummary summarise(const AnswerContext& context, const PoolRecord& pool, bool events) {
  wire::PoolSummary summary;
  summary.spec = pool.spec;
  summary.added_ms = pool.added_ms;
  add_state(context, pool, summary);
  for (const auto& [id, agent] : context.state.agents) {
    if (!agent.connected || agent.place.pool != pool.spec.name) continue;
    ++summary.agents;
    summary.slots += agent.slots;
  }
  for (const auto& [token, allocation] : pool.allocations) {
    summary.allocations.push_back(summarise(context, pool, allocation));
  }
  if (!events) return summary;
  for (const core::PoolEvent& event : pool.events) {
    summary.events.push_back({event.at_ms, event.text});
  }
  return summary;
}

}  // namespace

Status find_pool(const core::State& state, const std::string& name) {
  if (state.pool_records.contains(name)) return ok_status();
  std::vector<std::string> names;
  for (const auto& [known, pool] : state.pool_records) names.push_back(known);
  return not_found(format("there is no pool '{}'; {}", name,
                          names.empty() ? "none was added: see `tagalign pool add --help`"
                                        : format("there are: {}", fmt::join(names, ", "))));
}

std::string reach_notice(const std::string& endpoint) {
  const bool loopback = endpoint.find("//127.") != std::string::npos ||
                        endpoint.find("//localhost") != std::string::npos ||
                        endpoint.find("//[::1]") != std::string::npos;
  if (!loopback) return "";
  return format(
      "the coordinator listens on {}, which only this machine reaches: agents on other "
      "nodes cannot say hello. Run `tagalign coordinator stop`, then `tagalign "
      "coordinator start --listen 'tcp://ADDRESS:*'` with an address of this machine that "
      "the nodes reach",
      endpoint);
}

wire::ClientReply pools_reply(const AnswerContext& context, const std::string& name) {
  wire::PoolsReply reply;
  if (!name.empty()) {
    const Status found = find_pool(context.state, name);
    if (!found.ok()) return error_reply(found);
  }
  for (const auto& [known, pool] : context.state.pool_records) {
    if (!name.empty() && known != name) continue;
    reply.pools.push_back(summarise(context, pool, !name.empty()));
  }
  const std::string notice = reach_notice(context.identity.endpoint);
  if (!reply.pools.empty() && !notice.empty()) reply.notices.push_back(notice);
  return reply;
}

}  // namespace tagalign::service
