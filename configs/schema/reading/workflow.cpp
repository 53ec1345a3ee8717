#include "configs/schema/reading/workflow.h"

#include <algorithm>
#include <map>

#include "base/format.h"
#include "base/limits.h"
#include "configs/schema/document/inherit.h"
#include "configs/schema/document/vars.h"
#include "configs/schema/jobs/evaluation_settings.h"
#include "configs/schema/jobs/job_kinds.h"
#include "configs/schema/reading/bind.h"

namespace tagalign::config {
namespace {

/// A job as its map says it, before its configuration is read.
struct JobEntry {
  WorkflowJob job;
  Node config;
};

template <class V>
void visit_fields(V& v, JobEntry& entry) {
  v.field("kind", entry.job.kind, Rule().required());
  v.field("ranks", entry.job.ranks, Rule().between(1, limits::kRanksPerJobMax));
  v.field("slots_per_rank", entry.job.slots_per_rank, Rule().between(1, limits::kRanksPerJobMax));
  v.field("after", entry.job.after);
  v.field("on_commit_of", entry.job.on_commit_of);
  v.field("retries_max", entry.job.retries_max,
          Rule().between(0, limits::kInfrastructureRetriesMax));
  v.node("config", entry.config);
}

bool legal_name(std::string_view name) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= static_cast<std::size_t>(limits::kJobNameCharsMax) &&
         alphanumeric(name.front()) && std::ranges::all_of(name, [&](char c) {
           return alphanumeric(c) || c == '_' || c == '.' || c == '-';
         });
}

void check_name(const std::string& name, const Origin& origin, Problems& problems) {
  if (legal_name(name)) return;
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

std::vector<std::string> needs_of(const WorkflowJob& job) {
  std::vector<std::string> needs = job.after;
  if (!job.on_commit_of.empty()) needs.push_back(job.on_commit_of);
  return needs;
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

void check_references(const Workflow& workflow, const Node& root, Problems& problems) {
  const ByName jobs = by_name(workflow);
  for (const WorkflowJob& job : workflow.jobs) {
    const std::string path = format("jobs.{}.", job.name);
    for (std::size_t i = 0; i < job.after.size(); ++i) {
      const std::string where = format("{}after.{}", path, i);
      if (!jobs.contains(job.after[i])) {
        problems.add(locate(root, where),
                     where + ": " + unknown_name("job", job.after[i], names_of(workflow)));
      } else if (std::ranges::count(job.after, job.after[i]) > 1) {
        problems.add(locate(root, where),
                     format("{}: '{}' stands here twice", where, job.after[i]));
      }
    }
    if (job.on_commit_of.empty()) continue;
    const Origin origin = locate(root, path + "on_commit_of");
    const auto source = jobs.find(job.on_commit_of);
    if (source == jobs.end()) {
      problems.add(origin, path + "on_commit_of: " +
                               unknown_name("job", job.on_commit_of, names_of(workflow)));
    } else if (!commits_evaluable(source->second->kind)) {
      problems.add(origin, format("{}on_commit_of: expected a train job, found '{}' of kind {}",
                                  path, job.on_commit_of, source->second->kind));
    } else {
      check_kept(job, *source->second, origin, problems);
    }
    if (!follows_commits(job.kind)) {
      problems.add(origin,
                   format("{}on_commit_of: only evaluate jobs can follow checkpoints, this is {}",
                          path, job.kind));
    }
  }
}

/// Jobs that can be put in an order are taken away until none is left; what remains waits in a
/// circle or for one.
void check_circles(const Workflow& workflow, const Node& root, Problems& problems) {
  ByName waiting = by_name(workflow);
  bool changed = true;
  while (changed) {
    changed = std::erase_if(waiting, [&](const auto& item) {
                return std::ranges::none_of(needs_of(*item.second), [&](const std::string& need) {
                  return waiting.contains(need);
                });
              }) > 0;
  }
  if (waiting.empty()) return;
  const WorkflowJob* job = waiting.begin()->second;
  std::vector<std::string> circle;
  while (std::ranges::find(circle, job->name) == circle.end()) {
    circle.push_back(job->name);
    for (const std::string& need : needs_of(*job)) {
      if (waiting.contains(need)) job = waiting.at(need);
    }
  }
  circle.erase(circle.begin(), std::ranges::find(circle, job->name));
  circle.push_back(job->name);
  problems.add(
      locate(root, "jobs." + job->name),
      format("jobs wait for each other in a circle: {}; break it", fmt::join(circle, " → ")));
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
  const Top top = read_top(root, problems);
  Workflow workflow{top.name, top.workspace, {}};
  for (const Entry& entry : top.jobs.entries) {
    if (auto job = read_job(entry, problems)) workflow.jobs.push_back(*std::move(job));
  }
  TA_RETURN_IF_ERROR(problems.to_status());
  check_references(workflow, root, problems);
  check_folders(workflow, root, problems);
  TA_RETURN_IF_ERROR(problems.to_status());
  check_circles(workflow, root, problems);
  TA_RETURN_IF_ERROR(problems.to_status());
  return workflow;
}

}  // namespace tagalign::config
