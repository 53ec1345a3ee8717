/// What must hold when the weather is over and all jobs have ended.
#pragma once

#include "coordinator/core/core.h"
#include "tests/simulation/client.h"
#include "tests/simulation/world.h"

namespace tagalign::simulation {

/// Every job has ended; no result contradicts another or is missing; every scheduled checkpoint of
/// a job that succeeded was evaluated once, and nothing else was; no gang lives on.
void check_end(World& world, const core::State& state);

/// What a client was told exists, with the jobs that it was told.
void check_client(World& world, const core::State& state, const Client& client);

}  // namespace tagalign::simulation
