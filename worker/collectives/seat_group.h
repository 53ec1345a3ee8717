/// Several logical ranks in one process: each has a seat of its own, and all seats of all processes
/// form one group. So a run computes what a run on that many ranks would, wherever its processes are.
///
/// Seat s of process p is rank p · seats + s. The seats of one process are used from one thread each;
/// the last of them that comes to a collective carries it to the other processes. Sums are added in
/// rank order, one rank after the other: their bits do not depend on which process has which ranks.
///
/// Failure   as of CollectiveGroup; abort() of a seat frees the others of its process, and not the
///           group of the processes.
#pragma once

#include <memory>
#include <vector>

#include "worker/collectives/collective_group.h"

namespace tagalign::collectives {

/// Borrows `processes`, whose memory must be the host's, and issues its collectives from the seats'
/// threads, one at a time. Requires seats > 0.
std::vector<std::unique_ptr<CollectiveGroup>> make_seat_groups(CollectiveGroup& processes,
                                                               int seats);

}  // namespace tagalign::collectives
