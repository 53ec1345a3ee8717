/// What jobs wait for: other jobs, and templates with all their instances. Pure.
#pragma once

#include "coordinator/core/turn.h"

namespace tagalign::core {

/// True when everything that `job` comes after has succeeded. Of a template: its source and every
/// instance.
bool dependencies_met(const State& state, const Job& job);

/// Why `job` can never start, naming what failed or was cancelled; nullopt when it still can.
std::optional<std::string> broken_dependency(const State& state, const Job& job);

/// One line for each thing that `job` still waits for.
std::vector<std::string> unmet_dependencies(const State& state, const Job& job);

/// Cancels the queued jobs whose dependencies broke, and those that depended on them.
void cancel_orphans(Turn& turn);

}  // namespace tagalign::core
