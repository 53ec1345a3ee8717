#include "coordinator/core/dependencies.h"

#include <algorithm>

#include "base/format.h"
#include "coordinator/core/core.h"
#include "coordinator/core/decide/estimates.h"

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

std::string ended_how(const Job& job) {
  if (std::holds_alternative<Failed>(job.state)) return "failed";
  return std::holds_alternative<Succeeded>(job.state) ? "succeeded" : "was cancelled";
}

/// "; expected in about 2h", or nothing where nobody knows.
std::string in_about(const std::optional<UnixMs>& at_ms, UnixMs now_ms) {
  if (!at_ms) return "";
  return format("; expected in about {}",
                format_duration(std::max<std::int64_t>(0, *at_ms - now_ms)));
}

std::string commit_line(const State& state, const CommitWait& wait, UnixMs now_ms) {
  const Job& source = state.jobs.at(wait.job);
  const std::string newest =
      source.checkpoints.empty()
          ? "has no checkpoint yet"
          : format("has checkpoints up to step {}", source.checkpoints.rbegin()->first);
  return format("waits for a checkpoint of step {} of {}, which is {} and {}{}", wait.step,
                label(source), job_state_name(source.state), newest,
                in_about(expected_step_ms(source, wait.step, now_ms), now_ms));
}

std::string end_line(const State& state, const Job& need, std::string_view what, UnixMs now_ms) {
  return format("waits for {}{}, which is {}{}", what, label(need), job_state_name(need.state),
                in_about(expected_end_ms(state, need, now_ms), now_ms));
}

}  // namespace

std::string broken_dependency(const State& state, const Job& job) {
  std::string why;
  visit_needs(state, job, [&](const Job& need) {
    if (broken(need)) why = format("it comes after {}, which {}", label(need), ended_how(need));
    return why.empty();
  });
  for (const CommitWait& wait : job.after_commit) {
    const Job& source = state.jobs.at(wait.job);
    if (why.empty() && is_terminal(source.state) && !has_committed(source, wait.step))
      why = format("it waits for a checkpoint of step {} of {}, which {} without one", wait.step,
                   label(source), ended_how(source));
  }
  return why;
}

bool comes_after(const State& state, const Job& job, JobId need) {
  for (const CommitWait& wait : job.after_commit) {
    if (wait.job == need) return true;
  }
  return !visit_needs(state, job, [&](const Job& other) { return other.id != need; });
}

std::vector<std::string> unmet_dependencies(const State& state, const Job& job, UnixMs now_ms) {
  std::vector<std::string> lines;
  visit_needs(state, job, [&](const Job& need) {
    if (!is_met(need.state)) lines.push_back(end_line(state, need, "", now_ms));
    return true;
  });
  for (const JobId id : job.after_any) {
    const Job& need = state.jobs.at(id);
    if (!is_terminal(need.state)) lines.push_back(end_line(state, need, "the end of ", now_ms));
  }
  for (const CommitWait& wait : job.after_commit) {
    if (!has_committed(state.jobs.at(wait.job), wait.step))
      lines.push_back(commit_line(state, wait, now_ms));
  }
  return lines;
}

}  // namespace tagalign::core
