#include "coordinator/cli/workflow_spec.h"

namespace tagalign::cli {
namespace {

protocol::JobKind to_kind(config::JobKind kind) {
  switch (kind) {
    case config::JobKind::kPrepare:
      return protocol::JobKind::kPrepare;
    case config::JobKind::kPretrain:
      return protocol::JobKind::kPretrain;
    case config::JobKind::kTrain:
      return protocol::JobKind::kTrain;
    case config::JobKind::kEvaluate:
      return protocol::JobKind::kEvaluate;
  }
  TA_CHECK(false, "a kind of job that does not exist");
}

}  // namespace

protocol::WorkflowSpec to_spec(const config::Workflow& workflow, const Path& workspace) {
  TA_CHECK(workspace.is_absolute(), workspace.native());
  protocol::WorkflowSpec spec{workflow.name, workspace.string(), {}};
  for (const config::WorkflowJob& job : workflow.jobs) {
    spec.jobs.push_back({.name = job.name,
                         .kind = to_kind(job.kind),
                         .ranks = job.ranks,
                         .slots_per_rank = job.slots_per_rank,
                         .after = job.after,
                         .on_commit_of = job.on_commit_of,
                         .retries_max = job.retries_max,
                         .config_yaml = job.config,
                         .overrides = {}});
  }
  return spec;
}

std::string_view kind_name(protocol::JobKind kind) {
  switch (kind) {
    case protocol::JobKind::kPrepare:
      return "prepare";
    case protocol::JobKind::kPretrain:
      return "pretrain";
    case protocol::JobKind::kTrain:
      return "train";
    case protocol::JobKind::kEvaluate:
      return "evaluate";
  }
  return "unknown";
}

}  // namespace tagalign::cli
