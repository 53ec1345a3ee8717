/// The real core (decide.h) on what a history brought from outside, in simulated time.
///
/// Every job does the work that it did (work.h), at the speed that was measured, whenever it is placed;
/// it fails in the attempts in which it failed, after the same time; agents come and go when they did,
/// and people ask for what they asked for. Of jobs that the history does not know, or that never got
/// to their end, the work is that of jobs of their name. One thread; no I/O.
#pragma once

#include "coordinator/replay/history.h"
#include "coordinator/replay/what_if.h"

namespace tagalign::replay {

/// The state in the end, when all jobs have ended or nothing happens any more.
core::State play(const History& history, const WhatIf& what_if);

}  // namespace tagalign::replay
