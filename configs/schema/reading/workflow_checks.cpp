#include "configs/schema/reading/workflow_checks.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/format.h"
#include "base/job_graph.h"
#include "configs/schema/jobs/job_kinds.h"
#include "configs/schema/reading/exec_checks.h"

namespace tagalign::config {
namespace {

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

/// What must come before, and the key that says so.
struct Before {
  std::string key;  ///< "after.0"
  std::string name;
};

std::vector<Before> all_before(const WorkflowJob& job) {
  std::vector<Before> all;
  const auto add = [&](const char* key, std::size_t i, const std::string& name) {
    all.push_back({format("{}.{}", key, i), name});
  };
  for (std::size_t i = 0; i < job.after.size(); ++i) add("after", i, job.after[i]);
  for (std::size_t i = 0; i < job.after_any.size(); ++i) add("after_any", i, job.after_any[i]);
  for (std::size_t i = 0; i < job.after_commit.size(); ++i)
    add("after_commit", i, job.after_commit[i].job);
  if (!job.commits.best.empty()) all.push_back({"commits.best", job.commits.best});
  return all;
}

/// A job that follows checkpoints never ends as one, and commits nothing.
void check_once(const WorkflowJob& job, const ByName& jobs, const Node& root, Problems& problems) {
  for (const auto& [key, name] : all_before(job)) {
    const bool commit = key.starts_with("after_commit");
    if (!commit && !key.starts_with("after_any")) continue;
    const std::string path = format("jobs.{}.{}", job.name, commit ? "after_commit" : "after_any");
    const Origin origin = locate(root, path);
    if (!job.on_commit_of.empty())
      problems.add(origin, path + ": is for jobs that run once; take after");
    const auto need = jobs.find(name);
    if (need == jobs.end()) continue;
    if (!need->second->on_commit_of.empty()) {
      problems.add(origin,
                   format("{}: '{}' follows checkpoints; name a job that runs once", path, name));
    } else if (commit && !checkpoint_folder(*need->second)) {
      problems.add(origin,
                   format("{}: expected a job that writes checkpoints, found '{}' of kind {}", path,
                          name, need->second->kind));
    }
  }
}

bool evaluates(const WorkflowJob& job, const std::string& dataset) {
  const auto config = parse_job_config<EvaluateConfig>(job.config, job.name);
  return !config.ok() || std::ranges::any_of(config->datasets, [&](const auto& evaluated) {
    return evaluated.name == dataset;
  });
}

/// Whose results say which checkpoint is the best, and by what.
void check_best(const WorkflowJob& job, const ByName& jobs, const Node& root, Problems& problems) {
  const CommitChoice& commits = job.commits;
  const std::string path = format("jobs.{}.commits", job.name);
  const Origin origin = locate(root, path);
  if (commits.best.empty() && commits.dataset.empty()) return;
  if (commits.best.empty() || commits.dataset.empty())
    return problems.add(origin, path +
                                    ": expected best and dataset together: the job whose results "
                                    "tell, and the data set whose mean IoU does");
  if (commits.every > 0 || commits.last || commits.newest_only)
    problems.add(origin, path +
                             ": best is one checkpoint; make another job for every, last and "
                             "newest_only");
  const auto scores = jobs.find(commits.best);
  if (scores == jobs.end()) return;
  const WorkflowJob& other = *scores->second;
  if (other.on_commit_of != job.on_commit_of || !other.commits.best.empty())
    return problems.add(origin, format("{}.best: expected a job that evaluates the checkpoints of "
                                       "'{}', found '{}'",
                                       path, job.on_commit_of, commits.best));
  if (!evaluates(other, commits.dataset))
    problems.add(origin, format("{}.dataset: expected a data set of '{}', found '{}'", path,
                                commits.best, commits.dataset));
}

/// Names of a circle, closed.
std::string circle_of(const Workflow& workflow, const JobGraphFault& fault) {
  std::vector<std::string> names;
  for (const std::size_t job : fault.circle) names.push_back(workflow.jobs[job].name);
  names.push_back(names.front());
  return format("{}", fmt::join(names, " → "));
}

/// `written` are the names of the file: a sweep stands there once.
std::string unknown_job(const std::string& name, const Workflow& workflow,
                        const std::vector<std::string>& written) {
  const std::vector<std::string> all = names_of(workflow);
  return unknown_name("job", name, nearest_name(name, all).empty() ? written : all);
}

/// With the line of the file.
void report(const Workflow& workflow, const JobGraphFault& fault, const WorkflowFile& file,
            Problems& problems) {
  const WorkflowJob& job = workflow.jobs[fault.job];
  const std::string path = "jobs." + job.name;
  const std::vector<Before> before = all_before(job);
  const auto at = [&] { return format("{}.{}", path, before[fault.entry].key); };
  switch (fault.kind) {
    case JobGraphFault::Kind::kUnknownAfter:
      return problems.add(
          locate(file.root, at()),
          at() + ": " + unknown_job(before[fault.entry].name, workflow, file.names));
    case JobGraphFault::Kind::kRepeatedAfter:
      return problems.add(locate(file.root, at()),
                          format("{}: '{}' stands here twice", at(), before[fault.entry].name));
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

void check_graph(const Workflow& workflow, const WorkflowFile& file, Problems& problems) {
  std::vector<JobNode> nodes;
  for (const WorkflowJob& job : workflow.jobs) {
    JobNode& node = nodes.emplace_back(JobNode{job.name, {}, job.on_commit_of});
    for (const Before& before : all_before(job)) node.after.push_back(before.name);
  }
  for (const JobGraphFault& fault : check_job_graph(nodes)) report(workflow, fault, file, problems);
  const ByName jobs = by_name(workflow);
  for (const WorkflowJob& job : workflow.jobs) {
    check_once(job, jobs, file.root, problems);
    check_best(job, jobs, file.root, problems);
    check_checkpoint_word(job, locate(file.root, format("jobs.{}.config.command", job.name)),
                          problems);
    const auto source = jobs.find(job.on_commit_of);
    if (job.on_commit_of.empty() || source == jobs.end()) continue;
    check_source(job, *source->second, locate(file.root, format("jobs.{}.on_commit_of", job.name)),
                 problems);
  }
}

}  // namespace

void check_references(const Workflow& workflow, const WorkflowFile& file, Problems& problems) {
  check_graph(workflow, file, problems);
  check_folders(workflow, file.root, problems);
}

}  // namespace tagalign::config
