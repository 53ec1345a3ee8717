/// What a workflow must satisfy before it becomes a fact.
#include <functional>

#include "base/format.h"
#include "base/limits.h"
#include "coordinator/core/core.h"

namespace tagalign::core {
namespace {

using wire::JobSpec;
using wire::WorkflowSpec;
using ByName = std::map<std::string, const JobSpec*, std::less<>>;

bool legal_name(std::string_view name) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.empty() || !alphanumeric(name.front())) return false;
  if (name.size() > static_cast<std::size_t>(limits::kJobNameCharsMax)) return false;
  for (char c : name) {
    if (!alphanumeric(c) && c != '_' && c != '.' && c != '-') return false;
  }
  return true;
}

Status refuse(const JobSpec& job, std::string_view why) {
  return invalid_argument(format("job '{}': {}", job.name, why));
}

Status check_range(const JobSpec& job, std::string_view what, int found, int low, int high) {
  if (found >= low && found <= high) return ok_status();
  return refuse(job, format("{} must be {} to {}, found {}", what, low, high, found));
}

Status check_alone(const JobSpec& job) {
  if (!legal_name(job.name)) {
    return refuse(
        job, format("a name has 1 to {} characters, [a-z0-9] and then [a-z0-9_.-]; rename the job",
                    limits::kJobNameCharsMax));
  }
  if (!legal_name(job.kind)) {
    return refuse(job, format("kind '{}' is no command of the worker: expected [a-z0-9] and then "
                              "[a-z0-9_.-]",
                              job.kind));
  }
  TA_RETURN_IF_ERROR(check_range(job, "ranks", job.ranks, 1, limits::kRanksPerJobMax));
  TA_RETURN_IF_ERROR(
      check_range(job, "slots_per_rank", job.slots_per_rank, 1, limits::kRanksPerJobMax));
  TA_RETURN_IF_ERROR(
      check_range(job, "retries_max", job.retries_max, 0, limits::kInfrastructureRetriesMax));
  if (job.config_yaml.size() > limits::kConfigBytesMax) {
    return refuse(job, format("its configuration has {} bytes, at most {} are allowed",
                              job.config_yaml.size(), limits::kConfigBytesMax));
  }
  for (const std::string& text : job.overrides) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return refuse(job, format("override '{}' is not of the form key.path=value", text));
    }
  }
  return ok_status();
}

Status check_references(const JobSpec& job, const ByName& jobs) {
  std::set<std::string_view> seen;
  for (const std::string& name : job.after) {
    if (!jobs.contains(name)) {
      return refuse(job, format("after names '{}', which is no job of this workflow", name));
    }
    if (!seen.insert(name).second) return refuse(job, format("after names '{}' twice", name));
  }
  if (job.on_commit_of.empty()) return ok_status();
  const auto source = jobs.find(job.on_commit_of);
  if (source == jobs.end()) {
    return refuse(
        job, format("on_commit_of names '{}', which is no job of this workflow", job.on_commit_of));
  }
  if (!source->second->on_commit_of.empty()) {
    return refuse(job, format("on_commit_of names '{}', which follows the checkpoints of '{}' "
                              "itself; name a job that runs once",
                              job.on_commit_of, source->second->on_commit_of));
  }
  return ok_status();
}

/// Depth-first walk along what each job waits for, without recursion: a chain may be as
/// long as the workflow.
Status check_acyclic(const WorkflowSpec& spec, const ByName& jobs) {
  enum class Mark { kNew, kOpen, kDone };
  std::map<const JobSpec*, Mark> marks;
  const auto needs = [&](const JobSpec* job) {
    std::vector<const JobSpec*> found;
    for (const std::string& name : job->after) found.push_back(jobs.at(name));
    if (!job->on_commit_of.empty()) found.push_back(jobs.at(job->on_commit_of));
    return found;
  };
  for (const JobSpec& root : spec.jobs) {
    std::vector<const JobSpec*> stack{&root};
    while (!stack.empty()) {
      const JobSpec* job = stack.back();
      if (marks[job] != Mark::kNew) {
        marks[job] = Mark::kDone;
        stack.pop_back();
        continue;
      }
      marks[job] = Mark::kOpen;
      for (const JobSpec* next : needs(job)) {
        if (marks[next] == Mark::kOpen) {
          return refuse(*job, format("waits for '{}', which waits for it in turn; break the circle",
                                     next->name));
        }
        if (marks[next] == Mark::kNew) stack.push_back(next);
      }
    }
  }
  return ok_status();
}

}  // namespace

Status validate(const WorkflowSpec& spec) {
  if (spec.name.empty() || spec.name.size() > static_cast<std::size_t>(limits::kJobNameCharsMax)) {
    return invalid_argument(format("a workflow needs a name of 1 to {} characters, found {}",
                                   limits::kJobNameCharsMax, spec.name.size()));
  }
  if (!spec.workspace.starts_with('/')) {
    return invalid_argument(
        format("workflow '{}': workspace must be an absolute folder, found '{}'", spec.name,
               spec.workspace));
  }
  if (spec.jobs.empty() ||
      spec.jobs.size() > static_cast<std::size_t>(limits::kJobsPerWorkflowMax)) {
    return invalid_argument(format("workflow '{}': needs 1 to {} jobs, found {}", spec.name,
                                   limits::kJobsPerWorkflowMax, spec.jobs.size()));
  }
  ByName jobs;
  for (const JobSpec& job : spec.jobs) {
    TA_RETURN_IF_ERROR(check_alone(job));
    if (!jobs.emplace(job.name, &job).second) {
      return refuse(job, "the name is used twice in this workflow; rename one");
    }
  }
  for (const JobSpec& job : spec.jobs) TA_RETURN_IF_ERROR(check_references(job, jobs));
  return check_acyclic(spec, jobs);
}

}  // namespace tagalign::core
