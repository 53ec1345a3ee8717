/// Workflows become jobs and templates; commits become instances of templates.
#include <algorithm>

#include "base/format.h"
#include "coordinator/core/archive.h"
#include "coordinator/core/decide/turn.h"

namespace tagalign::core {
namespace {

using wire::JobSpec;

/// What the names of one workflow stand for.
struct Names {
  std::map<std::string, JobId, std::less<>> jobs;
  std::map<std::string, std::size_t, std::less<>> templates;
};

/// Added: NewJob or NewTemplate.
template <class Added>
void resolve_after(Added& added, const Names& names) {
  for (const std::string& name : added.spec.after) {
    if (const auto found = names.jobs.find(name); found != names.jobs.end()) {
      added.after.push_back(found->second);
    } else {
      added.after_templates.push_back(names.templates.at(name));
    }
  }
}

/// Who comes after the best of several checkpoints comes after what tells which that is.
template <class Added>
void resolve_best(Added& added, const wire::WorkflowSpec& workflow, const Names& names) {
  const std::vector<std::size_t> direct = added.after_templates;
  for (const JobSpec& spec : workflow.jobs) {
    const auto pattern = names.templates.find(spec.name);
    if (spec.best_of.empty() || std::ranges::find(direct, pattern->second) == direct.end())
      continue;
    const std::size_t scores = names.templates.at(spec.best_of);
    if (std::ranges::find(added.after_templates, scores) == added.after_templates.end())
      added.after_templates.push_back(scores);
  }
}

/// Ids in the order of the workflow file.
Names name_all(const State& state, const wire::WorkflowSpec& spec) {
  Names names;
  JobId next = next_job_id(state);
  for (const JobSpec& job : spec.jobs) {
    if (job.on_commit_of.empty()) {
      names.jobs[job.name] = JobId{next.value++};
    } else {
      names.templates[job.name] = state.templates.size() + names.templates.size();
    }
  }
  return names;
}

NewJob new_job(const JobSpec& spec, WorkflowId workflow, const Names& names) {
  NewJob added{names.jobs.at(spec.name), workflow, spec, {}, {}, {}, {}};
  resolve_after(added, names);
  for (const std::string& name : spec.after_any) added.after_any.push_back(names.jobs.at(name));
  for (const wire::CommitNeed& need : spec.after_commit)
    added.after_commit.push_back({names.jobs.at(need.job), need.step});
  return added;
}

/// A digest that differs at a step already seen (a damaged checkpoint was trained again) gets a
/// number of its own.
std::string instance_name(const State& state, const Template& pattern, std::uint64_t step) {
  const std::string base = format("{}@{}", pattern.spec.name, step);
  std::size_t equal = 0;
  for (JobId id : pattern.instances) {
    const std::string& name = state.jobs.at(id).spec.name;
    if (name == base || name.starts_with(base + ".")) ++equal;
  }
  return equal == 0 ? base : format("{}.{}", base, equal + 1);
}

/// Scheduled checkpoints of `job` up to that of `step`.
std::uint64_t scheduled_until(const Job& job, std::uint64_t step) {
  std::uint64_t count = 0;
  for (const auto& [at, checkpoint] : job.checkpoints)
    count += at <= step && checkpoint.first.scheduled ? 1 : 0;
  return count;
}

/// Instances that wait and would now look at what is behind.
void drop_older(Turn& turn, const Template& pattern, std::uint64_t step) {
  const std::vector<JobId> instances = pattern.instances;
  for (const JobId id : instances) {
    const Job& job = turn.state.jobs.at(id);
    if (!std::holds_alternative<Queued>(job.state) || job.attempt.value > 0) continue;
    turn.record(JobCancelled{id, format("a newer checkpoint came, of step {}", step), true});
  }
}

}  // namespace

const std::vector<std::size_t>& templates_of(const State& state, JobId source) {
  static const std::vector<std::size_t> kNone;
  const auto followers = state.index.templates_by_source.find(source);
  return followers == state.index.templates_by_source.end() ? kNone : followers->second;
}

void instantiate(Turn& turn, std::size_t index, const wire::CheckpointInfo& checkpoint) {
  const Template& pattern = turn.state.templates.at(index);
  if (pattern.instantiated.contains(checkpoint.digest)) return;
  if (pattern.spec.newest_only) drop_older(turn, pattern, checkpoint.step);
  NewJob job{.job = next_job_id(turn.state),
             .workflow = pattern.workflow,
             .spec = pattern.spec,
             .after = pattern.after,
             .after_templates = pattern.after_templates,
             .after_any = {},
             .after_commit = {}};
  job.spec.name = instance_name(turn.state, pattern, checkpoint.step);
  job.spec.overrides.push_back("checkpoint=" + checkpoint.path);
  turn.record(InstanceAdded{index, checkpoint.digest, std::move(job)});
}

void handle(Turn& turn, const WorkflowSubmitted& input) {
  if (turn.state.index.tokens.contains(input.token)) return;
  const Names names = name_all(turn.state, input.spec);
  WorkflowTaken taken{.workflow = next_workflow_id(turn.state),
                      .token = input.token,
                      .name = input.spec.name,
                      .workspace = input.spec.workspace};
  const bool has_best = std::ranges::any_of(
      input.spec.jobs, [](const JobSpec& spec) { return !spec.best_of.empty(); });
  for (const JobSpec& spec : input.spec.jobs) {
    if (spec.on_commit_of.empty()) {
      taken.jobs.push_back(new_job(spec, taken.workflow, names));
      if (has_best) resolve_best(taken.jobs.back(), input.spec, names);
    } else {
      taken.templates.push_back({taken.workflow, spec, names.jobs.at(spec.on_commit_of), {}, {}});
      resolve_after(taken.templates.back(), names);
      if (has_best) resolve_best(taken.templates.back(), input.spec, names);
    }
  }
  turn.record(std::move(taken));
}

void instantiate_templates(Turn& turn, JobId source, const wire::CheckpointInfo& checkpoint) {
  for (const std::size_t index : templates_of(turn.state, source)) {
    const wire::JobSpec& spec = turn.state.templates.at(index).spec;
    if (!spec.best_of.empty()) continue;
    const auto every = static_cast<std::uint64_t>(std::max(1, spec.commits_every));
    if (scheduled_until(turn.state.jobs.at(source), checkpoint.step) % every == 0)
      instantiate(turn, index, checkpoint);
  }
}

void instantiate_last(Turn& turn, const Job& source) {
  if (source.checkpoints.empty()) return;
  const wire::CheckpointInfo last = source.checkpoints.rbegin()->second.first;
  for (const std::size_t index : templates_of(turn.state, source.id)) {
    if (turn.state.templates.at(index).spec.last_commit) instantiate(turn, index, last);
  }
}

}  // namespace tagalign::core
