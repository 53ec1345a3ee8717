#include "coordinator/replay/figures.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace tagalign::replay {
namespace {

/// When a job waited for nothing but slots. Nobody waits for what never ends.
UnixMs ready_ms(const core::State& state, const core::Job& job) {
  UnixMs ready = job.submitted_ms;
  const auto after = [&](JobId id) { ready = std::max(ready, core::ended_ms(state.jobs.at(id))); };
  for (const JobId id : job.after) after(id);
  for (const JobId id : job.after_any) after(id);
  for (const std::size_t pattern : job.after_templates) {
    after(state.templates.at(pattern).source);
    for (const JobId id : state.templates.at(pattern).instances) after(id);
  }
  for (const core::CommitWait& wait : job.after_commit) {
    const auto& checkpoints = state.jobs.at(wait.job).checkpoints;
    const auto commit = checkpoints.lower_bound(wait.step);
    if (commit != checkpoints.end()) ready = std::max(ready, commit->second.second);
  }
  return ready;
}

}  // namespace

double Figures::goodput() const {
  return ledger.held() == 0
             ? 0
             : static_cast<double>(ledger.lasting()) / static_cast<double>(ledger.held());
}

Figures figures_of(const core::State& state) {
  Figures figures;
  std::vector<std::int64_t> waits;
  UnixMs first_ms = 0, last_ms = 0;
  for (const auto& [id, job] : state.jobs) {
    const bool ended = core::is_terminal(job.state);
    if (first_ms == 0 || job.submitted_ms < first_ms) first_ms = job.submitted_ms;
    last_ms = std::max(last_ms, ended ? core::ended_ms(job) : state.now_ms);
    figures.ledger += core::ledger_of(job, state.now_ms);
    ++figures.jobs[ended ? std::string(core::job_state_name(job.state)) : "not ended"];
    if (job.attempts.empty()) continue;
    waits.push_back(
        std::max<std::int64_t>(0, job.attempts.front().started_ms - ready_ms(state, job)));
  }
  figures.makespan_ms = last_ms - first_ms;
  if (waits.empty()) return figures;
  std::ranges::sort(waits);
  figures.waiting_mean_ms = std::accumulate(waits.begin(), waits.end(), std::int64_t{0}) /
                            static_cast<std::int64_t>(waits.size());
  figures.waiting_p90_ms = waits[(waits.size() * 9 + 9) / 10 - 1];
  return figures;
}

}  // namespace tagalign::replay
