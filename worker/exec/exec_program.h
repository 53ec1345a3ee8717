/// What an exec job runs: from its configuration to the words and variables of a process. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "configs/schema/jobs/exec_config.h"
#include "coordinator/wire/messages.h"

namespace tagalign::exec {

/// The configuration of a job of kind exec with its overrides; nullopt for another kind. An error: one
/// that this program does not understand, as of another version.
Result<std::optional<config::ExecConfig>> exec_config_of(const wire::Launch& launch);

/// Program and arguments. The checkpoint's path is filled in; a program with a slash in its name is
/// looked for in the workspace, as every relative path.
std::vector<std::string> words_of(const config::ExecConfig& config, const Path& workspace);

/// Variables of the process beside those that its agent gives to every process of the attempt. `rank`
/// has a file of its own for reports, in `folder`, the attempt's.
std::map<std::string, std::string> variables_of(const config::ExecConfig& config,
                                                const Path& folder, int rank);

/// Where rank `rank` reports to.
inline Path report_file(const Path& folder, int rank) {
  return folder / ("report-" + std::to_string(rank) + ".jsonl");
}

}  // namespace tagalign::exec
