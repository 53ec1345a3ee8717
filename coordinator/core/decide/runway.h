/// What must be left of an allocation: nothing starts in it that could not bank a checkpoint before
/// it ends, and what runs is asked to save in time. Pure.
///
/// All from Job::pace, which ranks measure; what was not measured yet has the defaults of limits.h.
#pragma once

#include "coordinator/core/state.h"

namespace tagalign::core {

/// How long a job that is asked to save may take, before it is killed. In milliseconds, as all here.
std::int64_t save_grace_ms(const Job& job);

/// The same of an agent: the longest of the jobs on it.
std::int64_t save_grace_ms(const State& state, const AgentId& agent);

/// How long before its allocation ends an agent is told to leave, with what runs on it now. It is at
/// most limits::kLeaveBeforeEndMsMax, half an hour.
std::int64_t leave_before_end_ms(const State& state, const AgentId& agent);

/// What an agent must have left for the job to start on it: its start, one step, a save, and what
/// the agent itself needs to leave.
std::int64_t runway_ms(const Job& job);

}  // namespace tagalign::core
