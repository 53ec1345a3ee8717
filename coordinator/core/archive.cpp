#include "coordinator/core/archive.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/format.h"
#include "coordinator/core/ledger.h"

namespace tagalign::core {
namespace {

/// Of a result that no live workflow has: its key, and a digest of what it counted.
void archive_results(State& state, WorkflowId workflow) {
  const auto keys = state.index.results_of.extract(workflow);
  if (keys.empty()) return;
  for (const std::string& key : keys.mapped()) {
    const auto found = state.results.find(key);
    if (found == state.results.end()) continue;
    const ResultEntry& entry = found->second;
    const bool wanted = std::ranges::any_of(
        entry.workflows, [&](WorkflowId id) { return state.workflows.contains(id); });
    if (wanted) continue;
    state.archive.results[key] = {entry.job, counts_digest(entry.result), entry.at_ms,
                                  entry.workflows};
    state.results.erase(found);
  }
}

/// Others are known by their index, so that those of an archived workflow become empty.
void empty_templates(State& state, const std::vector<JobId>& jobs) {
  for (const JobId id : jobs) {
    const auto followers = state.index.templates_by_source.extract(id);
    if (followers.empty()) continue;
    for (const std::size_t pattern : followers.mapped()) {
      state.index.template_waiters.erase(pattern);
      state.templates[pattern] = {};
    }
  }
}

template <class T>
void append_numbers(std::string& text, const std::vector<T>& numbers) {
  text += format("{}:", numbers.size());
  for (const T number : numbers) text += format("{},", number);
}

/// Their attempts have all ended, so that the time of asking does not matter.
std::int64_t held_ms(const State& state, const std::vector<JobId>& jobs) {
  std::int64_t held = 0;
  for (const JobId id : jobs) held += ledger_of(state.jobs.at(id), state.now_ms).held();
  return held;
}

}  // namespace

void archive_workflow(State& state, WorkflowId workflow) {
  const auto jobs = state.index.jobs_of.extract(workflow);
  TA_CHECK(!jobs.empty() && !state.index.live_of.contains(workflow), "only what ended is archived");
  const Workflow& leaving = state.workflows.at(workflow);
  state.archive.workflows[workflow] = {.token = leaving.token,
                                       .name = leaving.name,
                                       .submitted_ms = leaving.submitted_ms,
                                       .ended_ms = state.index.over_since.at(workflow),
                                       .jobs = jobs.mapped().size(),
                                       .held_ms = held_ms(state, jobs.mapped())};
  empty_templates(state, jobs.mapped());
  index::forget(state, leaving, jobs.mapped());
  for (const JobId id : jobs.mapped()) {
    state.archive.last_job = std::max(state.archive.last_job, id);
    state.jobs.erase(id);
  }
  state.workflows.erase(workflow);
  archive_results(state, workflow);
}

std::uint64_t counts_digest(const wire::EvaluationResult& result) {
  std::string text = format("{};", result.images);
  for (const std::string& name : result.classes) text += format("{}:{}", name.size(), name);
  append_numbers(text, result.average_precision);
  append_numbers(text, result.intersect);
  append_numbers(text, result.union_);
  append_numbers(text, result.predicted);
  append_numbers(text, result.labelled);
  return digest64(as_bytes(text));
}

JobId next_job_id(const State& state) {
  const JobId newest = state.jobs.empty() ? JobId{} : state.jobs.rbegin()->first;
  return {std::max(newest, state.archive.last_job).value + 1};
}

WorkflowId next_workflow_id(const State& state) {
  const auto newest = [](const auto& map) {
    return map.empty() ? WorkflowId{} : map.rbegin()->first;
  };
  return {std::max(newest(state.workflows), newest(state.archive.workflows)).value + 1};
}

}  // namespace tagalign::core
