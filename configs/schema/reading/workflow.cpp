#include "configs/schema/reading/workflow.h"

#include <algorithm>
#include <map>

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

namespace tagalign::config {

template <class V>
void visit_fields(V& v, CommitChoice& commits) {
  v.field("every", commits.every, Rule().between(0, 1'000'000));
  v.field("last", commits.last);
  v.field("newest_only", commits.newest_only);
}

namespace {

/// A job as its map says it, before its configuration is read.
struct JobEntry {
  WorkflowJob job;
  std::string time_limit;
  DeadlineTexts deadlines;
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

using ByName = std::map<std::string, const WorkflowJob*, std::less<>>;

ByName by_name(const Workflow& workflow) {
  ByName jobs;
  for (const WorkflowJob& job : workflow.jobs) jobs[job.name] = &job;
  return jobs;
}

std::vector<std::string> names_of(const Workflow& workflow) {
  std::vector<std::string> names;
  for (const WorkflowJob& job : workflow.jobs) names.push_back(job.name);
  return names;
}

/// An evaluation may wait for slots until the training is over: its checkpoint must still be there.
void check_kept(const WorkflowJob& job, const WorkflowJob& source, const Origin& origin,
                Problems& problems) {
  const auto train = parse_job_config<TrainConfig>(source.config, source.name);
  if (!train.ok() || train->checkpoint.keep_last == 0) return;
  problems.add(origin, format("jobs.{}.on_commit_of: expected '{}' to keep all checkpoints, found "
                              "checkpoint.keep_last {}: those that wait to be evaluated would be "
                              "removed; set jobs.{}.config.checkpoint.keep_last=0",
                              job.name, source.name, train->checkpoint.keep_last, source.name));
}

/// nullopt for jobs without checkpoints.
std::optional<Path> checkpoint_folder(const WorkflowJob& job) {
  std::optional<Path> folder;
  with_job_kind(job.kind, [&]<class Config>(const JobKind<Config>&) {
    if constexpr (requires(Config config) { config.checkpoint.directory; }) {
      const auto config = parse_job_config<Config>(job.config, job.name);
      if (config.ok()) folder = Path(config->checkpoint.directory).lexically_normal();
    }
  });
  return folder;
}

/// Two trainings in one folder would take it from each other.
void check_folders(const Workflow& workflow, const Node& root, Problems& problems) {
  std::map<Path, std::string> owners;
  for (const WorkflowJob& job : workflow.jobs) {
    const auto folder = checkpoint_folder(job);
    if (!folder) continue;
    const auto [owner, is_first] = owners.emplace(*folder, job.name);
    if (is_first) continue;
    const std::string path = format("jobs.{}.config.checkpoint.directory", job.name);
    problems.add(
        locate(root, path),
        format("{}: expected a folder of its own, found '{}', which '{}' writes to; set {} "
               "to another",
               path, folder->string(), owner->second, path));
  }
}

/// What kinds of job may follow checkpoints, and of which.
void check_source(const WorkflowJob& job, const WorkflowJob& source, const Origin& origin,
                  Problems& problems) {
  const std::string path = format("jobs.{}.on_commit_of", job.name);
  if (!commits_evaluable(source.kind)) {
    problems.add(origin, format("{}: expected a train or exec job, found '{}' of kind {}", path,
                                job.on_commit_of, source.kind));
  } else {
    check_kept(job, source, origin, problems);
  }
  if (!follows_commits(job.kind)) {
    problems.add(origin, format("{}: only evaluate and exec jobs can follow checkpoints, this is "
                                "{}",
                                path, job.kind));
  }
}

/// The names of `after` first.
std::vector<std::string> all_before(const WorkflowJob& job) {
  std::vector<std::string> names = job.after;
  names.insert(names.end(), job.after_any.begin(), job.after_any.end());
  return names;
}

/// A job that follows checkpoints never ends as one.
void check_after_any(const WorkflowJob& job, const ByName& jobs, const Node& root,
                     Problems& problems) {
  const std::string path = format("jobs.{}.after_any", job.name);
  if (!job.after_any.empty() && !job.on_commit_of.empty())
    problems.add(locate(root, path), path + ": is for jobs that run once; take after");
  for (const std::string& name : job.after_any) {
    const auto need = jobs.find(name);
    if (need == jobs.end() || need->second->on_commit_of.empty()) continue;
    problems.add(locate(root, path),
                 format("{}: '{}' follows checkpoints; name a job that runs once", path, name));
  }
}

/// Names of a circle, closed.
std::string circle_of(const Workflow& workflow, const JobGraphFault& fault) {
  std::vector<std::string> names;
  for (const std::size_t job : fault.circle) names.push_back(workflow.jobs[job].name);
  names.push_back(names.front());
  return format("{}", fmt::join(names, " → "));
}

/// What messages say of it.
struct File {
  Node root;                       ///< its sweeps unfolded
  std::vector<std::string> names;  ///< of the jobs that are written
};

/// `written` are the names of the file: a sweep stands there once.
std::string unknown_job(const std::string& name, const Workflow& workflow,
                        const std::vector<std::string>& written) {
  const std::vector<std::string> all = names_of(workflow);
  return unknown_name("job", name, nearest_name(name, all).empty() ? written : all);
}

/// With the line of the file.
void report(const Workflow& workflow, const JobGraphFault& fault, const File& file,
            Problems& problems) {
  const WorkflowJob& job = workflow.jobs[fault.job];
  const std::string path = "jobs." + job.name;
  const std::vector<std::string> before = all_before(job);
  const bool any = fault.entry >= job.after.size();
  const std::string after = format("{}.{}.{}", path, any ? "after_any" : "after",
                                   any ? fault.entry - job.after.size() : fault.entry);
  switch (fault.kind) {
    case JobGraphFault::Kind::kUnknownAfter:
      return problems.add(locate(file.root, after),
                          after + ": " + unknown_job(before[fault.entry], workflow, file.names));
    case JobGraphFault::Kind::kRepeatedAfter:
      return problems.add(locate(file.root, after),
                          format("{}: '{}' stands here twice", after, before[fault.entry]));
    case JobGraphFault::Kind::kUnknownSource:
      return problems.add(
          locate(file.root, path + ".on_commit_of"),
          format("{}.on_commit_of: {}", path, unknown_job(job.on_commit_of, workflow, file.names)));
    case JobGraphFault::Kind::kCircle:
      return problems.add(
          locate(file.root, path),
          format("jobs wait for each other in a circle: {}; break it", circle_of(workflow, fault)));
    case JobGraphFault::Kind::kSourceFollows:
      return problems.add(locate(file.root, path + ".on_commit_of"),
                          format("{}.on_commit_of: '{}' follows checkpoints itself; name a job "
                                 "that runs once",
                                 path, job.on_commit_of));
    case JobGraphFault::Kind::kName:  // keys of a map, told where they are read
    case JobGraphFault::Kind::kNameTaken:
      break;
  }
}

void check_graph(const Workflow& workflow, const File& file, Problems& problems) {
  std::vector<JobNode> nodes;
  for (const WorkflowJob& job : workflow.jobs)
    nodes.push_back({job.name, all_before(job), job.on_commit_of});
  for (const JobGraphFault& fault : check_job_graph(nodes)) report(workflow, fault, file, problems);
  const ByName jobs = by_name(workflow);
  for (const WorkflowJob& job : workflow.jobs) {
    check_after_any(job, jobs, file.root, problems);
    check_checkpoint_word(job, locate(file.root, format("jobs.{}.config.command", job.name)),
                          problems);
    const auto source = jobs.find(job.on_commit_of);
    if (job.on_commit_of.empty() || source == jobs.end()) continue;
    check_source(job, *source->second, locate(file.root, format("jobs.{}.on_commit_of", job.name)),
                 problems);
  }
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
  File read{std::move(root), {}};
  if (const Node* jobs = read.root.find("jobs"))
    for (const Entry& entry : jobs->entries) read.names.push_back(entry.key);
  expand_sweeps(read.root, problems);
  const Top top = read_top(read.root, problems);
  Workflow workflow{top.name, top.workspace, {}};
  for (const Entry& entry : top.jobs.entries) {
    if (auto job = read_job(entry, problems)) workflow.jobs.push_back(*std::move(job));
  }
  TA_RETURN_IF_ERROR(problems.to_status());
  check_graph(workflow, read, problems);
  check_folders(workflow, read.root, problems);
  TA_RETURN_IF_ERROR(problems.to_status());
  return workflow;
}

}  // namespace tagalign::config
