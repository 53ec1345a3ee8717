/// The kinds of job: the one table. The coordinator passes a kind on as text and asks nothing of it; the
/// worker's command has the same name, but for exec, which an agent starts itself.
#pragma once

#include <string_view>
#include <tuple>
#include <vector>

#include "configs/schema/jobs/job_configs.h"

namespace tagalign::config {

template <class Config>
struct JobKind {
  using ConfigType = Config;  ///< what `config` of such a job holds
  std::string_view name;
  bool commits_evaluable = false;  ///< its checkpoints can be followed with on_commit_of
  bool follows_commits = false;    ///< may have on_commit_of itself
  bool output_is_file = false;     ///< `output` of its config, where it has one; else a folder
};

inline constexpr std::tuple kJobKinds = {
    JobKind<ScenesConfig>{.name = "scenes"},
    JobKind<DataReportConfig>{.name = "data-report"},
    JobKind<DataPackConfig>{.name = "data-pack"},
    JobKind<DataTagsConfig>{.name = "data-tags"},
    JobKind<PretrainConfig>{.name = "pretrain", .output_is_file = true},
    JobKind<TrainConfig>{.name = "train", .commits_evaluable = true},
    JobKind<EvaluateConfig>{.name = "evaluate", .follows_commits = true},
    JobKind<ExecConfig>{.name = kExecKind, .commits_evaluable = true, .follows_commits = true},
};

inline std::vector<std::string_view> job_kind_names() {
  return std::apply(
      [](const auto&... kinds) { return std::vector<std::string_view>{kinds.name...}; }, kJobKinds);
}

/// Calls use(kind) for the kind of that name; false when there is none.
template <class Use>
bool with_job_kind(std::string_view name, Use&& use) {
  return std::apply(
      [&](const auto&... kinds) { return ((kinds.name == name && (use(kinds), true)) || ...); },
      kJobKinds);
}

inline bool commits_evaluable(std::string_view kind) {
  bool commits = false;
  with_job_kind(kind, [&](const auto& known) { commits = known.commits_evaluable; });
  return commits;
}

inline bool follows_commits(std::string_view kind) {
  bool follows = false;
  with_job_kind(kind, [&](const auto& known) { follows = known.follows_commits; });
  return follows;
}

}  // namespace tagalign::config
