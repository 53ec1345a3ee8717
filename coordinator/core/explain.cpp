/// Why a job is where it is, in words, from the data that the scheduler decides by.
#include <algorithm>

#include "base/format.h"
#include "coordinator/core/core.h"
#include "coordinator/core/decide/estimates.h"
#include "coordinator/core/decide/reserve.h"
#include "coordinator/core/decide/runway.h"
#include "coordinator/core/dependencies.h"
#include "coordinator/core/health.h"
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

/// Of an agent that gets no work, or whose allocation is too nearly over for the job.
std::string but(const State& state, const Agent& agent, const Job& job, UnixMs now_ms) {
  if (is_drained(state, agent.id)) return "; " + drained_text(state, agent.id, now_ms);
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
    offer.agents.push_back(format("agent {} has {} of {} free{}{}", id.value,
                                  plural(free_slots(state, agent), "slot"), agent.slots,
                                  holders_of(state, agent), but(state, agent, asking, now_ms)));
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

/// "in about 2h", "and nobody knows when".
std::string expected_in(const std::optional<UnixMs>& at_ms, UnixMs now_ms) {
  if (!at_ms) return "and nobody knows when";
  return format("expected in about {}",
                format_duration(std::max<std::int64_t>(0, *at_ms - now_ms)));
}

/// For whom agents are kept, and what that means for `job`.
Lines explain_order(const State& state, const Job& job, UnixMs now_ms) {
  const auto kept = kept_room(state, Policy{}, now_ms);
  if (!kept) return {};
  std::vector<std::string_view> agents;
  for (const AgentId& agent : kept->agents) agents.push_back(agent.value);
  const std::string where =
      format("agent{} {}", agents.size() == 1 ? "" : "s", fmt::join(agents, ", "));
  if (kept->job == job.id)
    return {format("comes next: {} will be its own, {}", where, expected_in(kept->at_ms, now_ms))};
  const auto run_ms = expected_run_ms(state, job, now_ms);
  Lines lines{
      format("{} comes first and gets {}, {}; jobs behind it start there only if they end before "
             "that; this one takes {}",
             label(state.jobs.at(kept->job)), where, expected_in(kept->at_ms, now_ms),
             run_ms ? "about " + format_duration(*run_ms) : "nobody knows how long")};
  if (const auto own = reserve(state, job, now_ms); own && own->at_ms)
    lines.push_back(
        format("its own room is {} if nobody goes before it", expected_in(own->at_ms, now_ms)));
  return lines;
}

/// Who has the seats of its group, and when one is expected to be free for it.
Lines explain_seat(const State& state, const Job& job, UnixMs now_ms) {
  const auto found = state.index.groups.find({job.workflow, job.spec.group});
  if (found == state.index.groups.end()) return {};
  const Group& group = found->second;
  const Group::Place place{-job.priority, job.id};
  if (!group.waiting.contains(place)) return {};
  std::vector<std::string> under_way;
  std::vector<UnixMs> ends;
  for (const JobId id : group.seated) {
    const Job& other = state.jobs.at(id);
    under_way.push_back(format("{} is {}", label(other), job_state_name(other.state)));
    if (const auto end_ms = expected_end_ms(state, other, now_ms)) ends.push_back(*end_ms);
  }
  for (const auto& [priority, id] : group.next)
    under_way.push_back(format("{} starts next", label(state.jobs.at(id))));
  const auto before =
      static_cast<std::size_t>(std::distance(group.waiting.begin(), group.waiting.find(place)));
  std::ranges::sort(ends);
  std::optional<UnixMs> free_ms;
  if (before < ends.size() && ends.size() == under_way.size()) free_ms = ends[before];
  const std::string when = free_ms ? expected_in(free_ms, now_ms) : "at a time that nobody knows";
  return {
      format("waits for its turn: of sweep '{}' {} may be under way at once: {}; {} before it, and "
             "its turn is {}",
             job.spec.group, plural(group.live_max, "job"), fmt::join(under_way, ", "),
             before == 0 ? "none comes" : plural(static_cast<int>(before), "other"), when)};
}

/// It had slots and left them, or lost them.
std::string why_again(const Job& job) {
  if (job.attempts.empty()) return "";
  const AttemptRecord& last = job.attempts.back();
  if (!last.asked.empty()) return ": it left, as it was asked to: " + last.asked;
  return last.message.empty() ? "" : ": " + last.message;
}

Lines explain_state(const State& state, const Job& job, const Queued& queued, UnixMs now_ms,
                    Detail detail) {
  Lines unmet = unmet_dependencies(state, job, now_ms);
  if (job.held)
    unmet.insert(unmet.begin(),
                 format("{}; let it start: tagalign job release {}", *job.held, job.id.value));
  if (!unmet.empty()) return unmet;
  if (queued.not_before_ms > now_ms) {
    return {format("starts again in {}{}", format_duration(queued.not_before_ms - now_ms),
                   why_again(job))};
  }
  if (Lines seat = explain_seat(state, job, now_ms); !seat.empty()) return seat;
  Lines lines = explain_placement(state, job, now_ms);
  if (detail == Detail::kFirstLine) return lines;
  for (std::string& line : explain_order(state, job, now_ms)) lines.push_back(std::move(line));
  return lines;
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

/// What it took last time to the end of the first step.
std::string usual_start(const Job& job, UnixMs since_ms, UnixMs now_ms) {
  if (job.pace.start_ms == 0) return "";
  return format("; its first step is {}", expected_in(since_ms + job.pace.start_ms, now_ms));
}

Lines explain_state(const State&, const Job& job, const Starting& starting, UnixMs now_ms, Detail) {
  if (!job.attempts.back().ends.empty()) return explain_ending(job);
  return {format("attempt {} was sent to {} {} ago; not all have said that the ranks run{}",
                 job.attempt.value, agents_of(job.attempts.back()),
                 format_duration(now_ms - starting.since_ms),
                 usual_start(job, starting.since_ms, now_ms))};
}
Lines explain_state(const State& state, const Job& job, const Running& running, UnixMs now_ms,
                    Detail) {
  if (!job.attempts.back().ends.empty()) return explain_ending(job);
  Lines lines{format("attempt {} runs on {} for {}", job.attempt.value,
                     agents_of(job.attempts.back()), format_duration(now_ms - running.since_ms))};
  if (const auto end_ms = expected_end_ms(state, job, now_ms))
    lines.push_back(format("its end is {}", expected_in(end_ms, now_ms)));
  if (const auto limit_ms = limit_over_ms(job))
    lines.push_back(format("its time limit of {} is over in {}",
                           format_duration(job.time_limit_s * 1000),
                           format_duration(std::max<std::int64_t>(0, *limit_ms - now_ms))));
  return lines;
}
/// When it is killed if it has not left by then.
std::string grace_left(const Job& job, const Saving& saving, UnixMs now_ms) {
  if (saving.kill_asked) return "";
  const std::int64_t left_ms = saving.since_ms + save_grace_ms(job) - now_ms;
  return format("; it is killed in {} if it is still there",
                format_duration(std::max<std::int64_t>(0, left_ms)));
}

Lines explain_state(const State&, const Job& job, const Saving& saving, UnixMs now_ms, Detail) {
  return {format("attempt {} on {} was asked {} ago to {}: {}{}{}", job.attempt.value,
                 agents_of(job.attempts.back()), format_duration(now_ms - saving.since_ms),
                 saving.kill_asked ? "end at once" : "save and leave", saving.reason,
                 saving.comes_back ? "; it comes back by itself" : "",
                 grace_left(job, saving, now_ms))};
}
Lines explain_state(const State&, const Job& job, const Succeeded&, UnixMs, Detail) {
  return {format("succeeded in attempt {}", job.attempt.value)};
}
/// The way back, of what people may still want.
Lines ended_badly(const Job& job, std::string what, UnixMs at_ms, UnixMs now_ms) {
  return {std::move(what), format("that was {} ago; try again: tagalign job requeue {}",
                                  format_duration(now_ms - at_ms), job.id.value)};
}
Lines explain_state(const State&, const Job& job, const Failed& failed, UnixMs now_ms, Detail) {
  return ended_badly(job, "failed: " + failed.reason, failed.at_ms, now_ms);
}
Lines explain_state(const State&, const Job& job, const Cancelled& cancelled, UnixMs now_ms,
                    Detail) {
  if (cancelled.overtaken) return {"cancelled: " + cancelled.reason};
  return ended_badly(job, "cancelled: " + cancelled.reason, cancelled.at_ms, now_ms);
}

/// The last ended attempt that did not succeed, and what its end cost.
void add_history(const Job& job, Lines& lines) {
  const auto ended =
      std::find_if(job.attempts.rbegin(), job.attempts.rend(),
                   [](const AttemptRecord& record) { return record.outcome.has_value(); });
  if (ended == job.attempts.rend() || *ended->outcome == wire::Outcome::kSucceeded) return;
  lines.push_back(format("attempt {} ended at step {}: {}{}", ended->attempt.value,
                         ended->last_step, ended->message,
                         ended->asked.empty() ? "" : "; it was asked to: " + ended->asked));
  if (job.stalled_failures > 0)
    lines.push_back(format("lost attempts since the last checkpoint: {} of {} that are free",
                           job.stalled_failures, Policy{}.stalled_retries_max));
  if (job.program_failures > 0) {
    const bool is_over = std::holds_alternative<Failed>(job.state);
    lines.push_back(format("failures charged to the program: {}{}", job.program_failures,
                           is_over ? "" : format("; {} may be retried", job.spec.retries_max)));
  }
}

}  // namespace

std::vector<std::string> explain(const State& state, JobId job_id, UnixMs now_ms, Detail detail) {
  const auto found = state.jobs.find(job_id);
  if (found == state.jobs.end()) return {format("there is no job {}", job_id.value)};
  const Job& job = found->second;
  Lines lines = std::visit(
      [&](const auto& s) { return explain_state(state, job, s, now_ms, detail); }, job.state);
  if (job.priority != 0 && !is_terminal(job.state))
    lines.push_back(format("its priority is {}", job.priority));
  add_history(job, lines);
  return lines;
}

}  // namespace tagalign::core
