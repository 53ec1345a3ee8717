#include "coordinator/cli/talk/unfit.h"

#include "base/counted.h"
#include "base/format.h"

namespace tagalign::cli {
namespace {

using wire::JobSummary;

/// Slots of all agents; nullopt while they are fewer than awaited, or leave already.
std::optional<int> slots_of_all(Connection& connection, int agents) {
  const auto status = ask<wire::StatusReply>(connection, wire::StatusRequest{});
  if (!status.ok()) return std::nullopt;
  int connected = 0;
  int slots = 0;
  for (const wire::AgentSummary& agent : status->agents) {
    if (!agent.connected) continue;
    if (agent.state == "leaving" || agent.slots == 0) return std::nullopt;
    ++connected;
    slots += agent.slots;
  }
  return connected >= agents ? std::optional(slots) : std::nullopt;
}

/// What has run before runs again after its pause.
bool may_move(const JobSummary& job, int slots) {
  if (job.terminal) return false;
  return job.state != "queued" || (job.attempt.value > 0 && job.slots <= slots);
}

/// Of jobs that wait, one that waits for ever; the others wait for it or are as large.
const JobSummary* unfit(const std::vector<JobSummary>& jobs, int slots) {
  const JobSummary* found = nullptr;
  for (const JobSummary& job : jobs) {
    if (may_move(job, slots)) return nullptr;
    if (found == nullptr && !job.terminal && job.slots > slots) found = &job;
  }
  return found;
}

}  // namespace

std::optional<std::string> UnfitWatch::look(Connection& connection,
                                            const std::vector<JobSummary>& jobs,
                                            MonotonicMs now_ms) {
  if (asked_ms_ && now_ms < *asked_ms_ + kUnfitLookMs) return std::nullopt;
  asked_ms_ = now_ms;
  const auto slots = slots_of_all(connection, agents_);
  const JobSummary* job = slots ? unfit(jobs, *slots) : nullptr;
  if (job == nullptr) {
    since_ms_.reset();
    return std::nullopt;
  }
  if (!since_ms_) since_ms_ = now_ms;
  if (now_ms < *since_ms_ + kUnfitMs) return std::nullopt;
  return format(
      "job '{}' needs {}, and all agents that come ({}) have {} together: it can never start "
      "here; ask for more nodes, cores or GPUs, or give it fewer ranks",
      job->name, counted(job->slots, "slot"), agents_, *slots);
}

}  // namespace tagalign::cli
