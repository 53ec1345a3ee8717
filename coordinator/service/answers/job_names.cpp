#include "coordinator/service/answers/job_names.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <unordered_set>

#include "base/format.h"

namespace tagalign::service {
namespace {

constexpr std::size_t kNamesShownMax = 10;
constexpr const char* kWhereArchived =
    "what happened to it: tagalign coordinator export; results: tagalign results WORKFLOW";

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

/// A workflow's name, or a number that a job of an archived workflow may have had.
bool is_archived(const core::State& state, const std::string& name) {
  if (newest_archived(state, name)) return true;
  JobId id;
  if (!is_number(name)) return false;
  std::from_chars(name.data(), name.data() + name.size(), id.value);
  return id.value > 0 && id <= state.archive.last_job;
}

/// Names that hold the wanted one or are held by it come first; never more than fit a line.
Status unknown(const core::State& state, const std::string& name) {
  if (is_archived(state, name))
    return not_found(format("'{}' ended long ago and was archived; {}", name, kWhereArchived));
  if (state.jobs.empty()) {
    return not_found(format("there is no job '{}': nothing was submitted yet", name));
  }
  std::unordered_set<std::string_view> names;
  for (const auto& [id, job] : state.jobs) names.insert(job.spec.name);
  std::vector<std::string_view> shown(names.begin(), names.end());
  std::ranges::sort(shown);
  std::ranges::stable_partition(shown, [&](std::string_view known) {
    return known.find(name) != std::string::npos || name.find(known) != std::string::npos;
  });
  const std::size_t hidden = shown.size() - std::min(shown.size(), kNamesShownMax);
  shown.resize(shown.size() - hidden);
  return not_found(format("there is no job '{}'; there are numbers {} to {} and the names {}{}",
                          name, state.jobs.begin()->first.value, state.jobs.rbegin()->first.value,
                          fmt::join(shown, ", "),
                          hidden == 0 ? "" : format(" and {} more", hidden)));
}

struct Range {
  JobId first, last;
};

/// "1-9".
std::optional<Range> range_of(const std::string& text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string::npos) return std::nullopt;
  const std::string first = text.substr(0, dash), last = text.substr(dash + 1);
  if (!is_number(first) || !is_number(last)) return std::nullopt;
  Range range;
  std::from_chars(first.data(), first.data() + first.size(), range.first.value);
  std::from_chars(last.data(), last.data() + last.size(), range.last.value);
  return range;
}

/// `*` stands for anything.
bool matches(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t skipped = star; skipped <= name.size(); ++skipped) {
    if (matches(rest, name.substr(skipped))) return true;
  }
  return false;
}

template <class Fits>
std::set<JobId> jobs_that(const core::State& state, Fits fits) {
  std::set<JobId> jobs;
  for (const auto& [id, job] : state.jobs) {
    if (fits(job)) jobs.insert(id);
  }
  return jobs;
}

/// Jobs of the newest workflow of that name; those whose names match.
std::set<JobId> jobs_in(const core::State& state, const std::string& workflow,
                        std::string_view pattern) {
  std::set<JobId> jobs;
  const auto id = newest_workflow(state, workflow);
  if (!id) return jobs;
  for (const JobId job : jobs_of(state, *id)) {
    if (matches(pattern, state.jobs.at(job).spec.name)) jobs.insert(job);
  }
  return jobs;
}

Result<std::set<JobId>> selected(const core::State& state, const std::string& selector) {
  const auto live = [](const core::Job& job) { return !core::is_terminal(job.state); };
  if (selector == "all") return jobs_that(state, live);
  if (selector == "failed") {
    return jobs_that(state,
                     [&](const core::Job& job) { return !live(job) && !core::is_met(job.state); });
  }
  if (const auto range = range_of(selector)) {
    return jobs_that(state, [&](const core::Job& job) {
      return job.id >= range->first && job.id <= range->last;
    });
  }
  if (const std::size_t slash = selector.find('/'); slash != std::string::npos) {
    return jobs_in(state, selector.substr(0, slash), std::string_view(selector).substr(slash + 1));
  }
  TA_ASSIGN_OR_RETURN(const JobId job, newest_job(state, selector));
  return std::set<JobId>{job};
}

}  // namespace

Result<std::vector<JobId>> select_jobs(const core::State& state,
                                       const std::vector<std::string>& selectors) {
  std::set<JobId> jobs;
  for (const std::string& selector : selectors) {
    TA_ASSIGN_OR_RETURN(const std::set<JobId> found, selected(state, selector));
    const bool may_be_empty = selector == "all" || selector == "failed";
    if (found.empty() && !may_be_empty) {
      return not_found(
          format("'{}' stands for no job; a job is named by number, range (1-9), name, "
                 "WORKFLOW/NAME with * for anything, all or failed",
                 selector));
    }
    jobs.insert(found.begin(), found.end());
  }
  return std::vector<JobId>(jobs.begin(), jobs.end());
}

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

const std::vector<JobId>& jobs_of(const core::State& state, WorkflowId workflow) {
  static const std::vector<JobId> kNone;
  const auto found = state.index.jobs_of.find(workflow);
  return found == state.index.jobs_of.end() ? kNone : found->second;
}

Result<Named> look_up(const core::State& state, const std::string& name) {
  if (const auto workflow = newest_workflow(state, name)) return Named{{}, workflow};
  TA_ASSIGN_OR_RETURN(const JobId job, newest_job(state, name));
  return Named{job, {}};
}

std::optional<WorkflowId> newest_archived(const core::State& state, const std::string& name) {
  const auto& workflows = state.archive.workflows;
  for (auto workflow = workflows.rbegin(); workflow != workflows.rend(); ++workflow) {
    if (workflow->second.name == name) return workflow->first;
  }
  return std::nullopt;
}

std::optional<WorkflowId> newest_workflow(const core::State& state, const std::string& name) {
  for (auto workflow = state.workflows.rbegin(); workflow != state.workflows.rend(); ++workflow) {
    if (workflow->second.name == name) return workflow->first;
  }
  return std::nullopt;
}

}  // namespace tagalign::service
