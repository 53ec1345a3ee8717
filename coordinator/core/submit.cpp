/// Workflows become jobs and templates; commits become instances of templates.
#include "base/format.h"
#include "coordinator/core/turn.h"

namespace tagalign::core {
namespace {

using protocol::JobSpec;

/// What the names of one workflow stand for.
struct Names {
  std::map<std::string, JobId, std::less<>> jobs;
  std::map<std::string, std::size_t, std::less<>> templates;
};

JobId next_job_id(const State& state) {
  return JobId{state.jobs.empty() ? 1 : state.jobs.rbegin()->first.value + 1};
}

Job& add_job(Turn& turn, WorkflowId workflow, const JobSpec& spec) {
  const JobId id = next_job_id(turn.state);
  Job job;
  job.id = id;
  job.workflow = workflow;
  job.spec = spec;
  job.state = Queued{turn.now_ms, turn.now_ms};
  job.submitted_ms = turn.now_ms;
  turn.state.live.insert(id);
  return turn.state.jobs.emplace(id, std::move(job)).first->second;
}

/// JobT: Job or Template.
template <class JobT>
void resolve_after(JobT& job, const Names& names) {
  for (const std::string& name : job.spec.after) {
    if (const auto found = names.jobs.find(name); found != names.jobs.end()) {
      job.after.push_back(found->second);
    } else {
      job.after_templates.push_back(names.templates.at(name));
    }
  }
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

void handle(Turn& turn, const WorkflowSubmitted& event) {
  State& state = turn.state;
  if (find_submission(state, event.token)) return;
  const WorkflowId workflow{state.workflows.size() + 1};
  state.workflows[workflow] = {workflow, event.token, event.spec.name, event.spec.workspace,
                               turn.now_ms};
  const std::size_t first_template = state.templates.size();
  Names names;
  std::vector<JobId> added;
  for (const JobSpec& spec : event.spec.jobs) {
    if (spec.on_commit_of.empty()) {
      added.push_back(add_job(turn, workflow, spec).id);
      names.jobs[spec.name] = added.back();
    } else {
      names.templates[spec.name] = state.templates.size();
      state.templates.push_back({workflow, spec, {}, {}, {}, {}, {}});
    }
  }
  for (JobId id : added) resolve_after(state.jobs.at(id), names);
  for (std::size_t i = first_template; i < state.templates.size(); ++i) {
    Template& pattern = state.templates[i];
    pattern.source = names.jobs.at(pattern.spec.on_commit_of);
    resolve_after(pattern, names);
  }
}

void instantiate_templates(Turn& turn, JobId source, const protocol::CheckpointInfo& checkpoint) {
  for (Template& pattern : turn.state.templates) {
    if (pattern.source != source || !pattern.instantiated.insert(checkpoint.digest).second)
      continue;
    JobSpec spec = pattern.spec;
    spec.name = instance_name(turn.state, pattern, checkpoint.step);
    spec.overrides.push_back("checkpoint=" + checkpoint.path);
    Job& job = add_job(turn, pattern.workflow, spec);
    job.after = pattern.after;
    job.after_templates = pattern.after_templates;
    pattern.instances.push_back(job.id);
  }
}

}  // namespace tagalign::core
