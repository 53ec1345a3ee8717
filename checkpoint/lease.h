/// Who writes in a folder of checkpoints. See format.md.
#pragma once

#include <cstdint>
#include <string>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::checkpoint {

/// Leases of one coordinator are ordered by job, then attempt; those of different coordinators have
/// no order among them.
struct Lease {
  std::string coordinator;    ///< letters and digits; empty: none, a rank that runs alone
  std::uint64_t job = 0;      ///< 0 for a rank that runs alone
  std::uint32_t attempt = 0;  ///< alone: filled in by take_lease()

  bool operator==(const Lease&) const = default;
};

/// Writes `wanted` into FOLDER/lease and returns it; kAlreadyExists when a later attempt or job of
/// the same coordinator holds it. What anybody else holds is taken over. A rank that runs alone
/// gets an attempt above the last one's. Rank 0, before training.
Result<Lease> take_lease(FileSystem& files, const Path& folder, const Lease& wanted);

}  // namespace tagalign::checkpoint
