/// Workflows become jobs and templates; commits become instances of templates.
#include "base/format.h"
#include "coordinator/core/decide/turn.h"

namespace tagalign::core {
namespace {

using wire::JobSpec;

/// What the names of one workflow stand for.
struct Names {
  std::map<std::string, JobId, std::less<>> jobs;
  std::map<std::string, std::size_t, std::less<>> templates;
};

JobId next_job_id(const State& state) {
  return JobId{state.jobs.empty() ? 1 : state.jobs.rbegin()->first.value + 1};
}

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

}  // namespace

void handle(Turn& turn, const WorkflowSubmitted& input) {
  if (find_submission(turn.state, input.token)) return;
  const Names names = name_all(turn.state, input.spec);
  WorkflowTaken taken{.workflow = WorkflowId{turn.state.workflows.size() + 1},
                      .token = input.token,
                      .name = input.spec.name,
                      .workspace = input.spec.workspace};
  for (const JobSpec& spec : input.spec.jobs) {
    if (spec.on_commit_of.empty()) {
      taken.jobs.push_back({names.jobs.at(spec.name), taken.workflow, spec, {}, {}});
      resolve_after(taken.jobs.back(), names);
    } else {
      taken.templates.push_back({taken.workflow, spec, names.jobs.at(spec.on_commit_of), {}, {}});
      resolve_after(taken.templates.back(), names);
    }
  }
  turn.record(std::move(taken));
}

void instantiate_templates(Turn& turn, JobId source, const wire::CheckpointInfo& checkpoint) {
  const auto followers = turn.state.index.templates_by_source.find(source);
  if (followers == turn.state.index.templates_by_source.end()) return;
  for (const std::size_t index : followers->second) {
    const Template& pattern = turn.state.templates.at(index);
    if (pattern.instantiated.contains(checkpoint.digest)) continue;
    NewJob job{next_job_id(turn.state), pattern.workflow, pattern.spec, pattern.after,
               pattern.after_templates};
    job.spec.name = instance_name(turn.state, pattern, checkpoint.step);
    job.spec.overrides.push_back("checkpoint=" + checkpoint.path);
    turn.record(InstanceAdded{index, checkpoint.digest, std::move(job)});
  }
}

}  // namespace tagalign::core
