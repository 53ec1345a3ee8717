/// Ranks as processes without MPI: they gather strings over a star of socket pairs around rank 0,
/// and those that are left learn at once when one dies.
#pragma once

#include <sys/types.h>

#include <functional>
#include <vector>

#include "base/process.h"
#include "base/status.h"
#include "checkpoint/save.h"

namespace tagalign::testing_support {

/// What a rank does; its exit code.
using RankBody = std::function<int(const checkpoint::Coordination& seat)>;

/// Forks `world` children of a process that has a single thread; their pids in rank order. A gather
/// fails with kPeerLost when a rank is gone. The children die with the caller's process.
Result<std::vector<pid_t>> fork_ranks(int world, const RankBody& body);

/// Waits for all of them, in rank order.
std::vector<ExitStatus> wait_for(const std::vector<pid_t>& pids);

}  // namespace tagalign::testing_support
