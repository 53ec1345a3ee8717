/// How long the ranks of a job are waited for, from what such jobs needed before. Pure.
///
/// The agent makes deadlines of it (worker/agent/gangs/progress.h).
#pragma once

#include "coordinator/core/state.h"

namespace tagalign::core {

/// Medians over the attempts of the job itself and of the last jobs of its family that succeeded;
/// those that hung, or ended before they came to their work, are left out.
wire::Patience patience_of(const State& state, const Job& job);

}  // namespace tagalign::core
