/// The subcommands `data prepare|check|report|pack|tags` of tagalign-worker, in one process.
#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <vector>

#include "base/file_system.h"

namespace tagalign::jobs {

/// Where configs/ may lie: $TAGALIGN_CONFIGS, configs/ here, configs/ beside or above the program.
std::vector<Path> find_config_folders();

/// Adds them; `chosen` gets what to run when one is named: it returns the exit code.
void add_data(CLI::App& app, std::function<int()>& chosen);

}  // namespace tagalign::jobs
