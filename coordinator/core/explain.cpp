/// Why a job is where it is, in words, from the data that the scheduler decides by.
#include <algorithm>

#include "base/format.h"
#include "coordinator/core/core.h"
#include "coordinator/core/decide/runway.h"
#include "coordinator/core/dependencies.h"
#include "coordinator/core/pools/serve.h"

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

/// "4 slots in pool a100, on 2 nodes of 2 ranks".
std::string needs_of(const wire::JobSpec& job) {
  std::string text = plural(slots_of(job), "slot");
  if (!job.pool.empty()) text += " in pool " + job.pool;
  if (job.ranks_per_node > 0) {
    text += format(", on {} of {} each", plural(job.ranks / job.ranks_per_node, "node"),
                   plural(job.ranks_per_node, "rank"));
  } else if (job.nodes_max > 0) {
    text += format(" on at most {}", plural(job.nodes_max, "node"));
  }
  return text;
}

struct Offer {
  Lines agents;     ///< of those that could take part
  int largest = 0;  ///< slots of one agent
  int most = 0;     ///< ranks that all of one pool hold
};

/// Of an agent whose allocation is too nearly over for the job.
std::string too_short(const State& state, const Agent& agent, const Job& job, UnixMs now_ms) {
  const UnixMs ends_ms = planned_end_ms(state, agent);
  if (ends_ms == 0 || ends_ms >= now_ms + runway_ms(job)) return "";
  return format("; it ends in {}, and the job needs {} to start, bank a checkpoint and leave",
                format_duration(std::max<std::int64_t>(0, ends_ms - now_ms)),
                format_duration(runway_ms(job)));
}

Offer offer_for(const State& state, const Job& asking, UnixMs now_ms) {
  const wire::JobSpec& job = asking.spec;
  Offer offer;
  for (const auto& [id, agent] : state.agents) {
    const bool meant = job.pool.empty() || agent.place.pool == job.pool;
    if (!agent.connected || !meant) continue;
    offer.largest = std::max(offer.largest, agent.slots);
    if (ranks_on_node(job, agent.slots) == 0) continue;
    offer.agents.push_back(
        format("agent {} has {} of {} free{}{}", id.value, plural(free_slots(state, agent), "slot"),
               agent.slots, holders_of(state, agent), too_short(state, agent, asking, now_ms)));
  }
  for (const auto& [pool, ranks] : ranks_in_pools(state, job))
    offer.most = std::max(offer.most, ranks);
  return offer;
}

Lines explain_placement(const State& state, const Job& job, UnixMs now_ms) {
  Offer offer = offer_for(state, job, now_ms);
  const std::string needs = needs_of(job.spec);
  if (offer.largest == 0) return {format("needs {}; no agent is connected", needs)};
  if (offer.most < job.spec.ranks) {
    return {
        format("needs {}; the largest agent has {}, all of one pool hold {} of {} ranks: waits "
               "until more join",
               needs, offer.largest, offer.most, job.spec.ranks)};
  }
  const bool one = slots_of(job.spec) <= offer.largest && job.spec.ranks_per_node == 0;
  offer.agents.insert(offer.agents.begin(),
                      format("waits for {} free on {}", needs,
                             one ? "one agent or several" : "several agents of a pool"));
  return std::move(offer.agents);
}

Lines explain_state(const State& state, const Job& job, const Queued& queued, UnixMs now_ms) {
  if (Lines unmet = unmet_dependencies(state, job); !unmet.empty()) return unmet;
  if (queued.not_before_ms > now_ms) {
    std::string why;
    if (!job.attempts.empty() && !job.attempts.back().message.empty())
      why = ": " + job.attempts.back().message;
    return {format("starts again in {}{}", format_duration(queued.not_before_ms - now_ms), why)};
  }
  return explain_placement(state, job, now_ms);
}

/// "agent a", "agents a, b".
std::string agents_of(const AttemptRecord& record) {
  std::vector<std::string_view> names;
  for (const wire::Share& share : record.shares) names.push_back(share.agent.value);
  return format("agent{} {}", names.size() == 1 ? "" : "s", fmt::join(names, ", "));
}

/// What of an attempt is over, and what is still waited for.
Lines explain_ending(const Job& job) {
  const AttemptRecord& record = job.attempts.back();
  std::vector<std::string_view> left;
  for (const wire::Share* share : open_shares(job)) left.push_back(share->agent.value);
  return {format("attempt {} ends: on {}: {}; waits for {} to end too", job.attempt.value,
                 record.ends.front().agent.value, record.ends.front().message,
                 fmt::join(left, ", "))};
}

Lines explain_state(const State&, const Job& job, const Starting& starting, UnixMs now_ms) {
  if (!job.attempts.back().ends.empty()) return explain_ending(job);
  return {format("attempt {} was sent to {} {} ago; not all have said that the ranks run",
                 job.attempt.value, agents_of(job.attempts.back()),
                 format_duration(now_ms - starting.since_ms))};
}
Lines explain_state(const State&, const Job& job, const Running& running, UnixMs now_ms) {
  if (!job.attempts.back().ends.empty()) return explain_ending(job);
  return {format("attempt {} runs on {} for {}", job.attempt.value, agents_of(job.attempts.back()),
                 format_duration(now_ms - running.since_ms))};
}
Lines explain_state(const State&, const Job& job, const Saving& saving, UnixMs now_ms) {
  return {format("attempt {} on {} was asked {} ago to {}: {}", job.attempt.value,
                 agents_of(job.attempts.back()), format_duration(now_ms - saving.since_ms),
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
    const bool is_over = std::holds_alternative<Failed>(job.state);
    lines.push_back(format("failures charged to the program: {}{}", job.program_failures,
                           is_over ? "" : format("; {} may be retried", job.spec.retries_max)));
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
