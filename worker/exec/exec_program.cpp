#include "worker/exec/exec_program.h"

#include "base/format.h"
#include "configs/schema/reading/load.h"
#include "coordinator/wire/report_lines.h"

namespace tagalign::exec {
namespace {

void fill_in(std::string& word, const std::string& checkpoint) {
  const std::string_view mark = config::kCheckpointWord;
  for (auto at = word.find(mark); at != std::string::npos;
       at = word.find(mark, at + checkpoint.size())) {
    word.replace(at, mark.size(), checkpoint);
  }
}

}  // namespace

Result<std::optional<config::ExecConfig>> exec_config_of(const wire::Launch& launch) {
  if (launch.kind != config::kExecKind) return std::optional<config::ExecConfig>();
  auto config = config::parse_job_config<config::ExecConfig>(launch.config_yaml, launch.job_name,
                                                             launch.overrides);
  if (!config.ok()) return config.status().with_context("reading what an exec job runs");
  return std::optional(std::move(*config));
}

std::vector<std::string> words_of(const config::ExecConfig& config, const Path& workspace) {
  if (config.command.by_shell) return {"/bin/sh", "-c", config.command.words.front()};
  std::vector<std::string> words = config.command.words;
  if (!config.checkpoint.empty())
    for (std::string& word : words) fill_in(word, config.checkpoint);
  const Path program = words.front();
  if (program.is_relative() && program.has_parent_path())
    words.front() = (workspace / program).string();
  return words;
}

std::map<std::string, std::string> variables_of(const config::ExecConfig& config,
                                                const Path& folder, int rank) {
  std::map<std::string, std::string> variables = config.environment;
  variables["TAGALIGN_RANK"] = format("{}", rank);
  variables[wire::kReportVariable] = report_file(folder, rank).string();
  if (!config.checkpoint.empty()) variables["TAGALIGN_CHECKPOINT"] = config.checkpoint;
  return variables;
}

}  // namespace tagalign::exec
