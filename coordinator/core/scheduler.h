/// Places queued jobs on agents: first come, first served, and whoever fits may pass one that does
/// not.
///
/// A gang goes to one agent with enough free slots: the one with the least id. Deterministic; no
/// time but the event's.
#pragma once

#include "coordinator/core/turn.h"

namespace tagalign::core {

/// Ready: dependencies met and its retry pause over. Launches what fits and makes it Starting.
void schedule(Turn& turn);

/// The message that starts the current attempt; a repeat is equal and recognised by its agent.
protocol::Launch launch_message(const State& state, const Job& job);

}  // namespace tagalign::core
