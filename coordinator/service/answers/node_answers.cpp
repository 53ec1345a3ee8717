#include "coordinator/service/answers/node_answers.h"

#include <algorithm>

#include "base/format.h"
#include "coordinator/core/health.h"
#include "coordinator/core/placement.h"
#include "coordinator/core/pools/serve.h"
#include "coordinator/wire/shares.h"

namespace tagalign::service {
namespace {

std::vector<std::string> running_on(const core::State& state, const AgentId& agent) {
  std::vector<std::string> running;
  for (const JobId id : core::jobs_on(state, agent)) {
    const core::Job& job = state.jobs.at(id);
    for (const wire::Share* share : core::open_shares(job)) {
      if (share->agent != agent) continue;
      running.push_back(
          format("{} ({})", job.spec.name, wire::ranks_text(*share, job.spec.slots_per_rank)));
    }
  }
  return running;
}

std::string state_of(const core::State& state, const core::Agent& agent) {
  if (!agent.connected) return "lost";
  if (agent.slots == 0 || core::is_leaving(state, agent)) return "leaving";
  return core::is_drained(state, agent.id) ? "drained" : "connected";
}

bool can_come(const core::State& state, const wire::JobSpec& job) {
  for (const auto& [name, pool] : state.pools) {
    if (job.pool.empty() && core::ranks_on_node(job, pool.slots_per_agent) >= job.ranks)
      return true;
  }
  core::Job fresh;
  fresh.spec = job;
  return std::ranges::any_of(state.pool_records, [&](const auto& entry) {
    return core::could_serve(state, entry.second, fresh);
  });
}

bool nothing_is_known(const core::State& state) {
  const bool agents =
      std::ranges::any_of(state.agents, [](const auto& entry) { return entry.second.connected; });
  const bool pools = std::ranges::any_of(
      state.pools, [](const auto& entry) { return entry.second.slots_per_agent > 0; });
  return !agents && !pools && state.pool_records.empty();
}

}  // namespace

std::vector<wire::AgentSummary> agent_summaries(const core::State& state,
                                                const Telemetry& telemetry, UnixMs now_ms) {
  std::vector<wire::AgentSummary> summaries;
  for (const auto& [id, agent] : state.agents) {
    summaries.push_back({.id = id.value,
                         .host = agent.host,
                         .connected = agent.connected,
                         .slots = agent.slots,
                         .slots_free = core::free_slots(state, agent),
                         .gpus = agent.gpus,
                         .pid = telemetry.agent_pid(id),
                         .node = agent.place.node,
                         .pool = agent.place.pool,
                         .allocation = agent.place.allocation,
                         .since_ms = agent.place.since_ms,
                         .ends_ms = agent.place.ends_ms,
                         .state = state_of(state, agent),
                         .running = running_on(state, id),
                         .note = core::drained_text(state, id, now_ms)});
  }
  return summaries;
}

std::vector<std::string> share_lines(const core::AttemptRecord& record, int slots_per_rank) {
  std::vector<std::string> lines;
  for (const wire::Share& share : record.shares)
    lines.push_back(wire::shown(share, slots_per_rank));
  return lines;
}

std::string launcher_name(const core::AttemptRecord& record) {
  const bool srun = record.launcher == wire::GangLauncher::kSrun && record.shares.size() > 1;
  return srun ? "srun" : "mpirun";
}

std::string agents_of(const core::AttemptRecord& record) {
  std::vector<std::string_view> names;
  for (const wire::Share& share : record.shares) names.push_back(share.agent.value);
  return format("{}", fmt::join(names, ", "));
}

std::string never_fits(const core::State& state, const wire::JobSpec& job) {
  if (nothing_is_known(state) || can_come(state, job)) return "";
  int most = 0;
  for (const auto& [pool, ranks] : core::ranks_in_pools(state, job)) most = std::max(most, ranks);
  if (most >= job.ranks) return "";
  return format(
      "job '{}' needs {} ranks of {} slot{}{}; the agents that are connected hold {} of them "
      "together, and no pool grows to it: it waits until more join (tagalign nodes, tagalign pool "
      "add)",
      job.name, job.ranks, job.slots_per_rank, job.slots_per_rank == 1 ? "" : "s",
      job.pool.empty() ? "" : format(" in pool {}", job.pool), most);
}

std::string outcome_name(const std::optional<wire::Outcome>& outcome) {
  if (!outcome) return "";
  switch (*outcome) {
    case wire::Outcome::kSucceeded:
      return "succeeded";
    case wire::Outcome::kSavedAndLeft:
      return "saved and left";
    case wire::Outcome::kFailed:
      return "failed";
    case wire::Outcome::kRankKilled:
      return "rank killed";
    case wire::Outcome::kAgentRestarted:
      return "agent lost";
    case wire::Outcome::kKilledOnRequest:
      return "killed on request";
    case wire::Outcome::kGangApart:
      return "gang apart";
    case wire::Outcome::kLaunchFailed:
      return "launch failed";
    case wire::Outcome::kHung:
      return "hung";
  }
  return "unknown";
}

}  // namespace tagalign::service
