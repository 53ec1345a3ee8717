/// The subcommands `data prepare`, `data check`, `data report` and `data tags` of tagalign-worker.
#pragma once

#include <CLI/App.hpp>
#include <functional>

namespace tagalign::jobs {

/// Adds them; `chosen` gets what to run when one is named: it returns the exit code.
void add_data(CLI::App& app, std::function<int()>& chosen);

}  // namespace tagalign::jobs
