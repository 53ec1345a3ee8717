/// What clients are told about pools: pure functions of the core's state.
#pragma once

#include <string>

#include "coordinator/service/answers/answers.h"

namespace tagalign::service {

/// All pools, or the one of that name with its events; kNotFound with the names that there are.
wire::ClientReply pools_reply(const AnswerContext& context, const std::string& name);

/// `name` names a pool; otherwise kNotFound, saying which there are.
Status find_pool(const core::State& state, const std::string& name);

/// What keeps the agents of a pool from reaching a coordinator at `endpoint`, and its cure; empty
/// when nothing is known to.
std::string reach_notice(const std::string& endpoint);

}  // namespace tagalign::service
