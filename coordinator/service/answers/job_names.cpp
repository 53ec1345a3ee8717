#include "coordinator/service/answers/job_names.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/format.h"

namespace tagalign::service {
namespace {

constexpr std::size_t kNamesShownMax = 10;

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

/// Names that hold the wanted one or are held by it come first; never more than fit a line.
Status unknown(const core::State& state, const std::string& name) {
  if (state.jobs.empty()) {
    return not_found(format("there is no job '{}': nothing was submitted yet", name));
  }
  std::set<std::string> names;
  for (const auto& [id, job] : state.jobs) names.insert(job.spec.name);
  std::vector<std::string> shown(names.begin(), names.end());
  std::ranges::stable_partition(shown, [&](const std::string& known) {
    return known.find(name) != std::string::npos || name.find(known) != std::string::npos;
  });
  const std::size_t hidden = shown.size() - std::min(shown.size(), kNamesShownMax);
  shown.resize(shown.size() - hidden);
  return not_found(format("there is no job '{}'; there are numbers {} to {} and the names {}{}",
                          name, state.jobs.begin()->first.value, state.jobs.rbegin()->first.value,
                          fmt::join(shown, ", "),
                          hidden == 0 ? "" : format(" and {} more", hidden)));
}

}  // namespace

Result<JobId> newest_job(const core::State& state, const std::string& name) {
  if (is_number(name)) {
    JobId id;
    std::from_chars(name.data(), name.data() + name.size(), id.value);
    if (state.jobs.contains(id)) return id;
    return unknown(state, name);
  }
  for (auto job = state.jobs.rbegin(); job != state.jobs.rend(); ++job) {
    if (job->second.spec.name == name) return job->first;
  }
  return unknown(state, name);
}

std::optional<WorkflowId> newest_workflow(const core::State& state, const std::string& name) {
  for (auto workflow = state.workflows.rbegin(); workflow != state.workflows.rend(); ++workflow) {
    if (workflow->second.name == name) return workflow->first;
  }
  return std::nullopt;
}

}  // namespace tagalign::service
