#include <algorithm>

#include "base/format.h"
#include "coordinator/core/state.h"

namespace tagalign::core {

std::string_view job_state_name(const JobState& state) {
  static constexpr std::string_view kNames[] = {"queued",    "starting", "running",  "saving",
                                                "succeeded", "failed",   "cancelled"};
  static_assert(std::size(kNames) == std::variant_size_v<JobState>);
  return kNames[state.index()];
}

bool is_terminal(const JobState& state) {
  return std::holds_alternative<Succeeded>(state) || std::holds_alternative<Failed>(state) ||
         std::holds_alternative<Cancelled>(state);
}

bool is_met(const JobState& state) {
  const auto* cancelled = std::get_if<Cancelled>(&state);
  return std::holds_alternative<Succeeded>(state) || (cancelled && cancelled->overtaken);
}

const AgentId* holder(const Job& job) {
  if (const auto* starting = std::get_if<Starting>(&job.state)) return &starting->agent;
  if (const auto* running = std::get_if<Running>(&job.state)) return &running->agent;
  if (const auto* saving = std::get_if<Saving>(&job.state)) return &saving->agent;
  return nullptr;
}

std::vector<const wire::Share*> open_shares(const Job& job) {
  std::vector<const wire::Share*> open;
  if (!holder(job)) return open;
  const AttemptRecord& record = job.attempts.back();
  for (const wire::Share& share : record.shares) {
    const bool over = std::ranges::any_of(
        record.ends, [&](const ShareEnd& end) { return end.agent == share.agent; });
    if (!over) open.push_back(&share);
  }
  return open;
}

UnixMs ended_ms(const Job& job) {
  if (const auto* end = std::get_if<Succeeded>(&job.state)) return end->at_ms;
  if (const auto* end = std::get_if<Failed>(&job.state)) return end->at_ms;
  if (const auto* end = std::get_if<Cancelled>(&job.state)) return end->at_ms;
  return 0;
}

std::int64_t run_ms(const Job& job, UnixMs now_ms) {
  std::int64_t sum = 0;
  for (const AttemptRecord& record : job.attempts) {
    const UnixMs ended_ms = record.outcome ? record.ended_ms : now_ms;
    sum += std::max<std::int64_t>(0, ended_ms - record.started_ms);
  }
  return sum;
}

std::string family_of(const State& state, const Job& job) {
  std::string family = state.workflows.at(job.workflow).name;
  family += '/';
  return family.append(job.spec.name, 0, job.spec.name.find('@'));
}

bool holds(const Job& job, const AgentId& agent) {
  return std::ranges::any_of(open_shares(job),
                             [&](const wire::Share* share) { return share->agent == agent; });
}

int slots_of(const wire::JobSpec& spec) {
  return spec.ranks * spec.slots_per_rank;
}

bool has_committed(const Job& job, std::uint64_t step) {
  return !job.checkpoints.empty() && job.checkpoints.rbegin()->first >= step;
}

bool reported(const ResultEntry& result, JobId job) {
  return result.job == job || result.repeats.contains(job);
}

bool is_drained(const State& state, const AgentId& agent) {
  const auto health = state.health.find(agent);
  return health != state.health.end() && health->second.drains > 0;
}

bool is_withheld(const State& state, const AgentId& agent) {
  if (!is_drained(state, agent)) return false;
  return !state.health.at(agent).on_probe || !jobs_on(state, agent).empty();
}

std::string label(const Job& job) {
  return format("'{}' (job {})", job.spec.name, job.id.value);
}

const std::set<JobId>& jobs_on(const State& state, const AgentId& agent) {
  static const std::set<JobId> kNone;
  const auto found = state.index.held.find(agent);
  return found == state.index.held.end() ? kNone : found->second;
}

const std::set<JobId>& live_jobs(const State& state) {
  return state.index.live;
}

int free_slots(const State& state, const Agent& agent) {
  const auto held = state.index.held_slots.find(agent.id);
  return std::max(0, agent.slots - (held == state.index.held_slots.end() ? 0 : held->second));
}

const Workflow* find_submission(const State& state, const std::string& token) {
  const auto found = state.index.tokens.find(token);
  if (found == state.index.tokens.end()) return nullptr;
  const auto workflow = state.workflows.find(found->second);
  return workflow == state.workflows.end() ? nullptr : &workflow->second;
}

std::optional<WorkflowId> archived_submission(const State& state, const std::string& token) {
  const auto found = state.index.tokens.find(token);
  if (found == state.index.tokens.end() || state.workflows.contains(found->second))
    return std::nullopt;
  return found->second;
}

}  // namespace tagalign::core
