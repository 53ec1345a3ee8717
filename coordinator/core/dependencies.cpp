#include "coordinator/core/dependencies.h"

#include "base/format.h"

namespace tagalign::core {
namespace {

/// Calls visit(job) for every job that `job` comes after, until one call returns false.
template <class Visit>
bool visit_needs(const State& state, const Job& job, Visit visit) {
  for (JobId id : job.after) {
    if (!visit(state.jobs.at(id))) return false;
  }
  for (std::size_t index : job.after_templates) {
    const Template& pattern = state.templates.at(index);
    if (!visit(state.jobs.at(pattern.source))) return false;
    for (JobId id : pattern.instances) {
      if (!visit(state.jobs.at(id))) return false;
    }
  }
  return true;
}

bool broken(const Job& job) {
  return is_terminal(job.state) && !is_met(job.state);
}

}  // namespace

std::string broken_dependency(const State& state, const Job& job) {
  std::string why;
  visit_needs(state, job, [&](const Job& need) {
    if (broken(need))
      why = format("it comes after {}, which {}", label(need),
                   std::holds_alternative<Failed>(need.state) ? "failed" : "was cancelled");
    return why.empty();
  });
  return why;
}

bool comes_after(const State& state, const Job& job, JobId need) {
  return !visit_needs(state, job, [&](const Job& other) { return other.id != need; });
}

std::vector<std::string> unmet_dependencies(const State& state, const Job& job) {
  std::vector<std::string> lines;
  visit_needs(state, job, [&](const Job& need) {
    if (!is_met(need.state))
      lines.push_back(format("waits for {}, which is {}", label(need), job_state_name(need.state)));
    return true;
  });
  for (const JobId id : job.after_any) {
    const Job& need = state.jobs.at(id);
    if (is_terminal(need.state)) continue;
    lines.push_back(
        format("waits for the end of {}, which is {}", label(need), job_state_name(need.state)));
  }
  return lines;
}

}  // namespace tagalign::core
