/// Collectives between GPUs. Compiled only with CUDA; the header itself is free of it.
#pragma once

#include <cstdint>
#include <memory>

#include "base/status.h"
#include "worker/collectives/collective_group.h"

namespace tagalign::collectives {

/// A seat in an NCCL communicator bound to GPU number `device`; collective over `control`'s ranks.
///
/// Owns     the communicator and one non-blocking CUDA stream. Borrows `control`, a host group of
///          the same ranks, which carries the communicator's id and every collective on host memory.
/// Order    a collective starts after the work that the caller has put on the device's default
///          stream, and its result is in place when it returns.
/// Bits     equal for equal counts, world size and topology; unlike the host groups NCCL does not
///          add in rank order.
/// Failure  kTimeout after `timeout_ms`, kPeerLost for errors of NCCL and after abort(): the
///          communicator is aborted, which stops its kernels, before the call returns.
///          kUnsupported when there is no such GPU.
Result<std::unique_ptr<CollectiveGroup>> make_nccl_group(CollectiveGroup& control, int device,
                                                         std::int64_t timeout_ms);

}  // namespace tagalign::collectives
