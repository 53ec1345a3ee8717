/// Which workflows leave the live state: so many ended jobs are kept, and of the others those whose
/// workflow ended long enough ago, the oldest first.
#include "coordinator/core/decide/turn.h"

namespace tagalign::core {
namespace {

/// At a time, so that a history from before there was an archive does not keep anybody waiting.
constexpr int kWorkflowsAtOnce = 64;

bool is_due(const Turn& turn) {
  const State& state = turn.state;
  const Policy& policy = turn.mind.policy;
  const std::size_t ended = state.jobs.size() - state.index.live.size();
  if (ended <= policy.ended_jobs_kept || state.index.over.empty()) return false;
  return state.index.over.begin()->first + policy.archive_after_ms <= turn.now_ms;
}

}  // namespace

void archive_old(Turn& turn) {
  for (int archived = 0; archived < kWorkflowsAtOnce && is_due(turn); ++archived)
    turn.record(WorkflowArchived{turn.state.index.over.begin()->second});
}

}  // namespace tagalign::core
