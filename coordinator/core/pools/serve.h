/// Which jobs a pool can hold, before any of its nodes are there. Pure.
#pragma once

#include "coordinator/core/state.h"

namespace tagalign::core {

/// Slots of one node of the pool: as asked for, else the most that one of its agents has; 0 when
/// that is not known.
int slots_per_node(const State& state, const PoolRecord& pool);

/// A whole allocation of the pool, or all its hosts together, can hold the job, and for long enough.
/// True also while it is not known how many slots its nodes have.
bool could_serve(const State& state, const PoolRecord& pool, const Job& job);

/// Until when an agent can be planned with: earlier than its allocation's end where its pool has
/// Slurm ask jobs to save earlier than agents are told. 0: it has no end.
UnixMs planned_end_ms(const State& state, const Agent& agent);

}  // namespace tagalign::core
