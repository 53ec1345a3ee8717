#include "coordinator/cli/convert/workflow_spec.h"

#include <algorithm>

namespace tagalign::cli {
namespace {

wire::PhaseTimes to_times(const config::Deadlines& deadlines) {
  return {.start = deadlines.start,
          .load = deadlines.load,
          .first_step = deadlines.first_step,
          .step = deadlines.step,
          .save = deadlines.save,
          .image = deadlines.image};
}

}  // namespace

/// To coordinator and agents a process without MPI is one rank.
wire::WorkflowSpec to_spec(const config::Workflow& workflow, const Path& workspace) {
  TA_CHECK(workspace.is_absolute(), workspace.native());
  wire::WorkflowSpec spec{workflow.name, workspace.string(), {}};
  for (const config::WorkflowJob& job : workflow.jobs) {
    std::vector<wire::CommitNeed> after_commit;
    for (const config::CommitWait& wait : job.after_commit)
      after_commit.push_back({wait.job, wait.step});
    spec.jobs.push_back({.name = job.name,
                         .kind = job.kind,
                         .ranks = std::max(1, job.ranks),
                         .slots_per_rank = job.slots_per_rank,
                         .after = job.after,
                         .on_commit_of = job.on_commit_of,
                         .retries_max = job.retries_max,
                         .config_yaml = job.config,
                         .overrides = {},
                         .ranks_per_node = job.ranks_per_node,
                         .nodes_max = job.nodes_max,
                         .pool = job.pool,
                         .priority = job.priority,
                         .time_limit_s = job.time_limit_s,
                         .after_any = job.after_any,
                         .commits_every = job.commits.every,
                         .last_commit = job.commits.last,
                         .newest_only = job.commits.newest_only,
                         .after_commit = std::move(after_commit),
                         .best_of = job.commits.best,
                         .best_dataset = job.commits.dataset,
                         .group = job.group,
                         .group_live_max = job.group_live_max,
                         .deadlines = to_times(job.deadlines)});
  }
  return spec;
}

}  // namespace tagalign::cli
