/// What a workflow must satisfy before it becomes a fact.
#include <map>

#include "base/format.h"
#include "base/job_graph.h"
#include "base/limits.h"
#include "coordinator/core/core.h"

namespace tagalign::core {
namespace {

using wire::JobSpec;
using wire::WorkflowSpec;

Status refuse(const JobSpec& job, std::string_view why) {
  return invalid_argument(format("job '{}': {}", job.name, why));
}

Status check_range(const JobSpec& job, std::string_view what, int found, int low, int high) {
  if (found >= low && found <= high) return ok_status();
  return refuse(job, format("{} must be {} to {}, found {}", what, low, high, found));
}

/// Only what no number of agents could ever satisfy.
Status check_nodes(const JobSpec& job) {
  TA_RETURN_IF_ERROR(
      check_range(job, "ranks_per_node", job.ranks_per_node, 0, limits::kRanksPerJobMax));
  TA_RETURN_IF_ERROR(check_range(job, "nodes_max", job.nodes_max, 0, limits::kRanksPerJobMax));
  if (job.ranks_per_node == 0) return ok_status();
  if (job.ranks % job.ranks_per_node != 0) {
    return refuse(job, format("ranks must be a multiple of ranks_per_node, found {} and {}; change "
                              "one of them",
                              job.ranks, job.ranks_per_node));
  }
  const int nodes = job.ranks / job.ranks_per_node;
  if (job.nodes_max == 0 || nodes <= job.nodes_max) return ok_status();
  return refuse(job, format("{} ranks with ranks_per_node {} need {} nodes, but nodes_max is {}; "
                            "raise it or ranks_per_node",
                            job.ranks, job.ranks_per_node, nodes, job.nodes_max));
}

Status check_order(const JobSpec& job) {
  TA_RETURN_IF_ERROR(check_range(job, "priority", job.priority, -kPriorityMax, kPriorityMax));
  if (job.time_limit_s < 0 || job.time_limit_s > kTimeLimitSMax) {
    return refuse(job, format("time_limit must be 0 to {} seconds, found {}", kTimeLimitSMax,
                              job.time_limit_s));
  }
  TA_RETURN_IF_ERROR(check_range(job, "commits_every", job.commits_every, 0, 1'000'000));
  const bool many = job.commits_every > 0 || job.last_commit || job.newest_only;
  const bool chooses = many || !job.best_of.empty();
  if (many && !job.best_of.empty())
    return refuse(job, "wants the best checkpoint, and others beside it; make two jobs of it");
  if (job.best_of.empty() != job.best_dataset.empty())
    return refuse(job,
                  "the best checkpoint needs both, whose evaluations tell and on which data set");
  if (!chooses || !job.on_commit_of.empty()) return ok_status();
  return refuse(job, "chooses among commits, but follows no job: name one in on_commit_of");
}

Status check_group(const JobSpec& job) {
  if (job.group.empty() && job.group_live_max == 0) return ok_status();
  if (!is_job_name(job.group))
    return refuse(job,
                  format("group '{}': expected a name, [a-z0-9] and then [a-z0-9_.-]", job.group));
  if (!job.on_commit_of.empty())
    return refuse(job, "a group bounds jobs that run once, and this one follows checkpoints");
  return check_range(job, "group_live_max", job.group_live_max, 1, limits::kJobsPerWorkflowMax);
}

/// What must come before, and the key that says so.
struct Before {
  std::string_view key;
  std::string name;
};

std::vector<Before> all_before(const JobSpec& job) {
  std::vector<Before> all;
  for (const std::string& name : job.after) all.push_back({"after", name});
  for (const std::string& name : job.after_any) all.push_back({"after_any", name});
  for (const wire::CommitNeed& need : job.after_commit) all.push_back({"after_commit", need.job});
  if (!job.best_of.empty()) all.push_back({"best_of", job.best_of});
  return all;
}

Status check_alone(const JobSpec& job) {
  if (!is_job_name(job.kind)) {
    return refuse(job, format("kind '{}' is no command of the worker: expected [a-z0-9] and then "
                              "[a-z0-9_.-]",
                              job.kind));
  }
  TA_RETURN_IF_ERROR(check_range(job, "ranks", job.ranks, 1, limits::kRanksPerJobMax));
  TA_RETURN_IF_ERROR(
      check_range(job, "slots_per_rank", job.slots_per_rank, 1, limits::kRanksPerJobMax));
  TA_RETURN_IF_ERROR(check_nodes(job));
  TA_RETURN_IF_ERROR(check_order(job));
  TA_RETURN_IF_ERROR(check_group(job));
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

/// In the coordinator's words; refusals name one fault.
Status refuse(const WorkflowSpec& spec, const JobGraphFault& fault) {
  const JobSpec& job = spec.jobs[fault.job];
  switch (fault.kind) {
    case JobGraphFault::Kind::kName:
      return refuse(
          job,
          format("a name has 1 to {} characters, [a-z0-9] and then [a-z0-9_.-]; rename the job",
                 limits::kJobNameCharsMax));
    case JobGraphFault::Kind::kNameTaken:
      return refuse(job, "the name is used twice in this workflow; rename one");
    case JobGraphFault::Kind::kUnknownAfter:
      return refuse(job,
                    format("{} names '{}', which is no job of this workflow",
                           all_before(job)[fault.entry].key, all_before(job)[fault.entry].name));
    case JobGraphFault::Kind::kRepeatedAfter:
      return refuse(
          job, format("{} names '{}', which stands there twice", all_before(job)[fault.entry].key,
                      all_before(job)[fault.entry].name));
    case JobGraphFault::Kind::kUnknownSource:
      return refuse(job, format("on_commit_of names '{}', which is no job of this workflow",
                                job.on_commit_of));
    case JobGraphFault::Kind::kSourceFollows:
      return refuse(job, format("on_commit_of names '{}', which follows checkpoints itself; name a "
                                "job that runs once",
                                job.on_commit_of));
    case JobGraphFault::Kind::kCircle:
      break;
  }
  const JobSpec& other = spec.jobs[fault.circle.back()];
  return refuse(other,
                format("waits for '{}', which waits for it in turn; break the circle", job.name));
}

using Templates = std::map<std::string, const JobSpec*, std::less<>>;

/// Whose end, or whose checkpoint, somebody waits for runs once.
Status check_once(const JobSpec& job, const Templates& templates) {
  for (const auto& [key, name] : all_before(job)) {
    if (key != "after_any" && key != "after_commit") continue;
    if (!job.on_commit_of.empty())
      return refuse(job, format("{} is for jobs that run once; take after", key));
    if (templates.contains(name))
      return refuse(
          job,
          format("{} names '{}', which follows checkpoints; name a job that runs once", key, name));
  }
  return ok_status();
}

Status check_best(const JobSpec& job, const Templates& templates) {
  if (job.best_of.empty()) return ok_status();
  const auto scores = templates.find(job.best_of);
  const bool fits = scores != templates.end() && scores->second->best_of.empty() &&
                    scores->second->on_commit_of == job.on_commit_of;
  if (fits) return ok_status();
  return refuse(job,
                format("best_of names '{}', which does not evaluate the checkpoints of '{}'; name "
                       "a job that does",
                       job.best_of, job.on_commit_of));
}

Status check_groups(const WorkflowSpec& spec) {
  std::map<std::string, const JobSpec*, std::less<>> first;
  for (const JobSpec& job : spec.jobs) {
    if (job.group.empty()) continue;
    const JobSpec& other = *first.emplace(job.group, &job).first->second;
    if (other.group_live_max != job.group_live_max)
      return refuse(job,
                    format("group '{}' has {} under way at once here and {} in job '{}'; give one "
                           "number",
                           job.group, job.group_live_max, other.group_live_max, other.name));
  }
  return ok_status();
}

Status check_graph(const WorkflowSpec& spec) {
  std::vector<JobNode> nodes;
  Templates templates;
  for (const JobSpec& job : spec.jobs) {
    JobNode& node = nodes.emplace_back(JobNode{job.name, {}, job.on_commit_of});
    for (const Before& before : all_before(job)) node.after.push_back(before.name);
    if (!job.on_commit_of.empty()) templates.emplace(job.name, &job);
  }
  const auto faults = check_job_graph(nodes);
  if (!faults.empty()) return refuse(spec, faults.front());
  for (const JobSpec& job : spec.jobs) {
    TA_RETURN_IF_ERROR(check_once(job, templates));
    TA_RETURN_IF_ERROR(check_best(job, templates));
  }
  return check_groups(spec);
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
  for (const JobSpec& job : spec.jobs) TA_RETURN_IF_ERROR(check_alone(job));
  return check_graph(spec);
}

}  // namespace tagalign::core
