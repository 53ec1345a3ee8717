/// What is told of agents and of the nodes that an attempt runs on. Pure.
#pragma once

#include <string>
#include <vector>

#include "coordinator/core/state.h"
#include "coordinator/service/telemetry.h"
#include "coordinator/wire/client_messages.h"

namespace tagalign::service {

/// By id.
std::vector<wire::AgentSummary> agent_summaries(const core::State& state,
                                                const Telemetry& telemetry, UnixMs now_ms);
/// "n1: ranks 0 to 3, slots 0,1,2,3", the head's first.
std::vector<std::string> share_lines(const core::AttemptRecord& record, int slots_per_rank);
std::string launcher_name(const core::AttemptRecord& record);
/// The agents of an attempt, the head first: "n1, n2".
std::string agents_of(const core::AttemptRecord& record);

/// What a person should know of a job that was just handed in and that nothing which is there or
/// can come by itself will hold; empty when it will be held.
std::string never_fits(const core::State& state, const wire::JobSpec& job);
/// "rank killed"; empty while it goes on.
std::string outcome_name(const std::optional<wire::Outcome>& outcome);

}  // namespace tagalign::service
