/// The subcommands of tagalign-worker that read and write weight files:
/// export, import, weights show.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace tagalign::jobs {

/// They run in one process, without MPI. `chosen` is what main() runs after parsing; it
/// returns the exit code.
void add_weights_commands(CLI::App& app, std::function<int()>& chosen);

}  // namespace tagalign::jobs
