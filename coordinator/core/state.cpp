#include <algorithm>

#include "base/format.h"
#include "coordinator/core/turn.h"

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

void set_state(State& state, Job& job, JobState next) {
  TA_CHECK(!is_terminal(job.state), "a terminal job stays as it is");
  job.state = std::move(next);
  if (is_terminal(job.state)) state.live.erase(job.id);
}

const AgentId* holder(const Job& job) {
  if (const auto* starting = std::get_if<Starting>(&job.state)) return &starting->agent;
  if (const auto* running = std::get_if<Running>(&job.state)) return &running->agent;
  if (const auto* saving = std::get_if<Saving>(&job.state)) return &saving->agent;
  return nullptr;
}

int slots_of(const protocol::JobSpec& spec) {
  return spec.ranks * spec.slots_per_rank;
}

std::string label(const Job& job) {
  return format("'{}' (job {})", job.spec.name, job.id.value);
}

std::vector<JobId> jobs_on(const State& state, const AgentId& agent) {
  std::vector<JobId> found;
  for (JobId id : state.live) {
    const AgentId* held_by = holder(state.jobs.at(id));
    if (held_by && *held_by == agent) found.push_back(id);
  }
  return found;
}

int free_slots(const State& state, const Agent& agent) {
  int held = 0;
  for (JobId id : jobs_on(state, agent.id)) held += slots_of(state.jobs.at(id).spec);
  return std::max(0, agent.slots - held);
}

const Workflow* find_submission(const State& state, const std::string& token) {
  for (const auto& [id, workflow] : state.workflows) {
    if (workflow.token == token) return &workflow;
  }
  return nullptr;
}

}  // namespace tagalign::core
