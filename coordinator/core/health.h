/// What is said of an agent that gets no work because attempts die there. Pure.
#pragma once

#include <string>

#include "coordinator/core/state.h"

namespace tagalign::core {

/// "drained: 3 attempts in a row died there, …": why, and when it is tried again. Empty: it is not.
std::string drained_text(const State& state, const AgentId& agent, UnixMs now_ms);

/// How often attempts died on the agent, a job that may die by its own doing once.
int strikes(const AgentHealth& health);

}  // namespace tagalign::core
