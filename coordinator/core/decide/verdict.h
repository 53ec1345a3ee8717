/// What an attempt over several agents ended by, from what each of them saw: pure.
///
/// One failure brings others with it: ranks on other nodes lose their peer, or are killed by the
/// launcher. No agent can tell alone: what a rank said of itself goes before what befell it, a loss
/// of a peer is nobody's cause, and of ranks that vanished the first by the agents' clocks counts.
#pragma once

#include <vector>

#include "coordinator/core/state.h"

namespace tagalign::core {

/// `ends`: of all shares, in the order they became known; `head`: the agent of the launcher.
/// Requires at least one.
ShareEnd judge_attempt(const std::vector<ShareEnd>& ends, const AgentId& head);

/// It succeeded, or saved and left.
bool ended_well(const ShareEnd& end);

}  // namespace tagalign::core
