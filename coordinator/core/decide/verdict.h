/// What an attempt over several agents ended by, from what each of them saw: pure.
///
/// One failure brings others with it: ranks on other nodes lose their peer, or are killed by the
/// launcher. No agent can tell alone, and their clocks may differ, so that the order in which the
/// coordinator heard of the ends and the launcher's exit code, which is that of the first process to
/// fail, decide.
#pragma once

#include <vector>

#include "coordinator/core/state.h"

namespace tagalign::core {

/// `ends`: of all shares, in the order they became known; `head`: the agent of the launcher.
/// Requires at least one.
ShareEnd judge_attempt(const std::vector<ShareEnd>& ends, const AgentId& head);

}  // namespace tagalign::core
