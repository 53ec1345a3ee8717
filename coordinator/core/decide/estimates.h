/// What is to be expected of jobs, from what was measured. Pure; nothing here decides.
#pragma once

#include <optional>

#include "coordinator/core/state.h"

namespace tagalign::core {

/// How long a queued job will hold its slots: what earlier jobs of its family took, less what it has
/// had, and its time limit at the most. nullopt: nobody knows.
std::optional<std::int64_t> expected_run_ms(const State& state, const Job& job, UnixMs now_ms);

/// When a job with a live attempt is expected to have made `step` steps, from the last two commits of
/// that attempt, or its start and the only one. nullopt: nobody knows.
std::optional<UnixMs> expected_step_ms(const Job& job, std::uint64_t step, UnixMs now_ms);

/// When the time limit of a job with a live attempt is over; nullopt: it has none.
std::optional<UnixMs> limit_over_ms(const Job& job);

}  // namespace tagalign::core
