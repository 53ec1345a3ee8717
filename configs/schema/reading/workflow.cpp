#include "configs/schema/reading/workflow.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/format.h"
#include "base/job_graph.h"
#include "base/limits.h"
#include "base/time_span.h"
#include "configs/schema/document/inherit.h"
#include "configs/schema/document/vars.h"
#include "configs/schema/jobs/evaluation_settings.h"
#include "configs/schema/jobs/job_kinds.h"
#include "configs/schema/reading/bind.h"
#include "configs/schema/reading/deadlines.h"
#include "configs/schema/reading/exec_checks.h"
#include "configs/schema/reading/sweep.h"
#include "configs/schema/reading/workflow_checks.h"

namespace tagalign::config {

template <class V>
void visit_fields(V& v, CommitChoice& commits) {
  v.field("every", commits.every, Rule().between(0, 1'000'000));
  v.field("last", commits.last);
  v.field("newest_only", commits.newest_only);
  v.field("best", commits.best);
  v.field("dataset", commits.dataset);
}

namespace {

/// A job as its map says it, before its configuration is read.
struct JobEntry {
  WorkflowJob job;
  std::string time_limit;
  DeadlineTexts deadlines;
  std::vector<std::string> after_commit;
  Node config;
  Node sweep;  ///< known by its name alone: expand_sweeps() has left none
};

template <class V>
void visit_fields(V& v, JobEntry& entry) {
  v.field("kind", entry.job.kind, Rule().required());
  v.field("ranks", entry.job.ranks, Rule().between(0, limits::kRanksPerJobMax));
  v.field("slots_per_rank", entry.job.slots_per_rank, Rule().between(1, limits::kRanksPerJobMax));
  v.field("after", entry.job.after);
  v.field("on_commit_of", entry.job.on_commit_of);
  v.field("retries_max", entry.job.retries_max,
          Rule().between(0, limits::kInfrastructureRetriesMax));
  v.field("ranks_per_node", entry.job.ranks_per_node, Rule().between(0, limits::kRanksPerJobMax));
  v.field("nodes_max", entry.job.nodes_max, Rule().between(0, limits::kRanksPerJobMax));
  v.field("pool", entry.job.pool);
  v.field("after_any", entry.job.after_any);
  v.field("after_commit", entry.after_commit);
  v.field("priority", entry.job.priority, Rule().between(-kPriorityMax, kPriorityMax));
  v.field("time_limit", entry.time_limit);
  v.section("commits", entry.job.commits, "which checkpoints of on_commit_of");
  v.section("deadlines", entry.deadlines, "how long a rank may stand still; learned when absent");
  v.node("sweep", entry.sweep);
  v.node("config", entry.config);
}

void check_name(const std::string& name, const Origin& origin, Problems& problems) {
  if (is_job_name(name)) return;
  problems.add(origin,
               format("'{}' is no name: expected [a-z0-9], then [a-z0-9_.-], at most {} characters",
                      name, limits::kJobNameCharsMax));
}

/// The batch is shared out evenly among the ranks.
template <class T>
void check_ranks(const T& config, const WorkflowJob& job, const Origin& origin,
                 Problems& problems) {
  if constexpr (requires { config.global_batch; }) {
    if (config.global_batch % job.ranks != 0) {
      problems.add(origin, format("jobs.{}: expected ranks to divide global_batch ({}), found {}",
                                  job.name, config.global_batch, job.ranks));
    }
  }
}

/// What a rank is to compute, with nothing left open.
template <class T>
const T& decided(const T& config) {
  return config;
}
EvaluateConfig decided(const EvaluateConfig& config) {
  return effective(config);
}

template <class T>
void read_config(JobEntry& entry, Problems& problems) {
  const std::string path = format("jobs.{}.config", entry.job.name);
  const auto config = bind<T>(entry.config, path, problems);
  if (!config) return;
  check_ranks(*config, entry.job, entry.config.origin, problems);
  const Result<std::string> text = dump(decided(*config));
  if (text.ok()) {
    entry.job.config = *text;
  } else {
    problems.add(entry.config.origin, path + ": " + text.status().message());
  }
}

/// An unknown kind is a problem of its own; one that is no text has been said already.
void read_kind(const Entry& written, JobEntry& entry, Problems& problems) {
  const bool known = with_job_kind(entry.job.kind, [&]<class Config>(const JobKind<Config>&) {
    read_config<Config>(entry, problems);
  });
  const Node* kind = written.value.find("kind");
  if (known || entry.job.kind.empty() || kind == nullptr) return;
  const std::vector<std::string_view> names = job_kind_names();
  (void)read_word(*kind, format("jobs.{}.kind", written.key), names, problems);
}

/// "train@5000"
std::optional<CommitWait> parse_wait(const std::string& text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string::npos || at == 0) return std::nullopt;
  std::uint64_t step = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + at + 1, end, step);
  if (error != std::errc() || stop != end || step == 0) return std::nullopt;
  return CommitWait{text.substr(0, at), step};
}

/// When it shall run, beside what it waits for.
void read_order(const Entry& written, JobEntry& entry, Problems& problems) {
  const std::string path = "jobs." + written.key;
  if (!entry.time_limit.empty()) {
    const auto span_ms = parse_span(path + ".time_limit", entry.time_limit);
    if (!span_ms.ok())
      problems.add(written.origin, span_ms.status().message());
    else
      entry.job.time_limit_s = (*span_ms + 999) / 1000;
  }
  entry.job.deadlines =
      read_deadlines(entry.deadlines, path + ".deadlines", written.origin, problems);
  for (const std::string& text : entry.after_commit) {
    if (auto wait = parse_wait(text))
      entry.job.after_commit.push_back(*std::move(wait));
    else
      problems.add(written.origin,
                   format("{}.after_commit: expected JOB@STEP, such as train@5000: a "
                          "checkpoint of that step or a later one; found '{}'",
                          path, text));
  }
  if (entry.job.commits != CommitChoice{} && entry.job.on_commit_of.empty())
    problems.add(written.origin, path +
                                     ".commits: chooses among the checkpoints of on_commit_of, "
                                     "which is not set");
}

std::optional<WorkflowJob> read_job(const Entry& written, Problems& problems) {
  JobEntry entry;
  entry.job.name = written.key;
  entry.config.kind = Node::Kind::kMap;
  entry.config.origin = written.origin;
  Problems found;
  check_name(written.key, written.origin, found);
  Reader reader(&written.value, written.origin, "jobs." + written.key, found);
  visit_fields(reader, entry);
  reader.finish();
  read_order(written, entry, found);
  settle_ranks(written, entry.job, entry.config, found);
  read_kind(written, entry, found);
  problems.append(found);
  if (!found.empty()) return std::nullopt;
  return std::move(entry.job);
}

/// The top of the file; jobs are read by the caller.
struct Top {
  std::string name;
  std::string workspace;
  Node jobs;
};

template <class V>
void visit_fields(V& v, Top& top) {
  v.field("name", top.name, Rule().required());
  v.field("workspace", top.workspace);
  v.node("jobs", top.jobs);
}

Top read_top(const Node& root, Problems& problems) {
  Top top;
  top.jobs.origin = root.origin;
  Reader reader(&root, root.origin, "", problems);
  visit_fields(reader, top);
  reader.finish();
  if (!top.name.empty()) check_name(top.name, locate(root, "name"), problems);
  if (top.jobs.kind != Node::Kind::kMap || top.jobs.entries.empty()) {
    problems.add(top.jobs.origin,
                 format("jobs: expected a map of at least one job, found {}",
                        top.jobs.kind == Node::Kind::kMap ? "none" : top.jobs.describe()));
  }
  if (top.jobs.entries.size() > static_cast<std::size_t>(limits::kJobsPerWorkflowMax)) {
    problems.add(top.jobs.origin, format("jobs: expected at most {}, found {}",
                                         limits::kJobsPerWorkflowMax, top.jobs.entries.size()));
  }
  return top;
}

}  // namespace

Result<Workflow> load_workflow(FileSystem& files, const Path& file, const Overrides& overrides) {
  TA_ASSIGN_OR_RETURN(Node root, read_document(files, file));
  for (const std::string& text : overrides) TA_RETURN_IF_ERROR(apply_override(root, text));
  Problems problems;
  substitute_vars(root, problems);
  TA_RETURN_IF_ERROR(problems.to_status());
  WorkflowFile read{std::move(root), {}};
  if (const Node* jobs = read.root.find("jobs"))
    for (const Entry& entry : jobs->entries) read.names.push_back(entry.key);
  const SweptGroups groups = expand_sweeps(read.root, problems);
  const Top top = read_top(read.root, problems);
  Workflow workflow{top.name, top.workspace, {}};
  for (const Entry& entry : top.jobs.entries) {
    auto job = read_job(entry, problems);
    if (!job) continue;
    if (const auto group = groups.find(job->name); group != groups.end()) {
      job->group = group->second.name;
      job->group_live_max = group->second.live_max;
    }
    workflow.jobs.push_back(*std::move(job));
  }
  TA_RETURN_IF_ERROR(problems.to_status());
  check_references(workflow, read, problems);
  TA_RETURN_IF_ERROR(problems.to_status());
  return workflow;
}

}  // namespace tagalign::config
