/// A workflow file: jobs, what they wait for, and their configurations. configs/README.md
/// describes it for users.
///
///   name: demo
///   workspace: /scratch/demo        # optional
///   vars: {camvid: null}            # ${camvid} in any text; null: must be given with --set
///   jobs:
///     clip:   {kind: pretrain, after: [scenes], ranks: 2, config: {…}}
///     scores: {kind: evaluate, on_commit_of: tagalign, config: {_base_: eval.yml, …}}
///     again:  {kind: train, after_any: [clip], priority: 10, time_limit: 8h, config: {…}}
///     early:  {kind: train, after_commit: [again@5000], config: {…}}
///
/// Everything is checked here, before a coordinator hears of it: names, references,
/// circles, and each job's configuration in full. Errors as in load.h; overrides
/// reach everything: "jobs.clip.config.steps=50", "vars.camvid=/data".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "configs/schema/document/choices.h"
#include "configs/schema/reading/deadlines.h"
#include "configs/schema/reading/load.h"

namespace tagalign::config {

/// Which checkpoints a job with on_commit_of runs for.
struct CommitChoice {
  int every = 0;             ///< every so many-th; 0: each
  bool last = false;         ///< the last one too, once the training has succeeded
  bool newest_only = false;  ///< one that waits gives way to a newer one
  std::string best;          ///< nothing but the best one, by the results of this job
  std::string dataset;       ///< whose mean IoU says which that is

  bool operator==(const CommitChoice&) const = default;
};

/// "train@5000": a checkpoint that must have been committed.
struct CommitWait {
  std::string job;
  std::uint64_t step = 0;  ///< or a later one

  bool operator==(const CommitWait&) const = default;
};

struct WorkflowJob {
  std::string name;  ///< [a-z0-9][a-z0-9_.-]*, at most limits::kJobNameCharsMax characters
  std::string kind;  ///< a name of job_kinds.h
  /// MPI ranks; divides global_batch; 1…limits::kRanksPerJobMax. 0: one process without MPI, of
  /// exec alone and its default
  int ranks = 1;
  int slots_per_rank = 1;          ///< slots of an agent that a rank, or that process, holds; 1…
  std::vector<std::string> after;  ///< jobs that must have succeeded first
  std::string on_commit_of;  ///< runs for each checkpoint of that job (job_kinds.h says which)
  int retries_max = 3;       ///< failures of the program itself that are tried again; 0…1000
  int ranks_per_node =
      0;              ///< exactly that many on every node, a divisor of ranks; 0: as many as fit
  int nodes_max = 0;  ///< 0: as many nodes as it takes
  std::string pool;   ///< only on agents of this pool; empty: on any
  std::vector<std::string> after_any;  ///< jobs that must have ended, in whatever way
  int priority = 0;                    ///< higher ones start first; at most kPriorityMax
  std::int64_t time_limit_s = 0;       ///< of all its attempts together; 0: none
  CommitChoice commits;                ///< with on_commit_of
  std::vector<CommitWait> after_commit;
  std::string group;  ///< of a sweep with a bound: its name
  int group_live_max = 0;
  Deadlines deadlines;  ///< of a rank that does not get on
  std::string config;   ///< effective YAML, complete
};

struct Workflow {
  std::string name;
  std::string workspace;          ///< as written; empty: the caller chooses
  std::vector<WorkflowJob> jobs;  ///< in the order of the file
};

Result<Workflow> load_workflow(FileSystem& files, const Path& file,
                               const Overrides& overrides = {});

}  // namespace tagalign::config
