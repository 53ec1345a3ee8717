/// All facts that a state folder still has, in order: those of the archive, then those of the live
/// database. Read-only: beside a running coordinator, or of one that is stopped.
#pragma once

#include <cstdint>
#include <functional>

#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/core/facts.h"

namespace tagalign::store {

struct HistoryRange {
  std::uint64_t first = 0;  ///< above 1: older facts have left the archive
  std::uint64_t last = 0;
  std::uint64_t missing = 0;  ///< between them: lost, and left out by a repair
};

/// Calls visit(sequence, fact) for each; an error of `visit` ends it. kNotFound where there is no
/// coordinator's state, kDataLoss for a damaged row.
Result<HistoryRange> read_history(
    const Path& folder,
    const std::function<Status(std::uint64_t sequence, const core::Fact& fact)>& visit);

}  // namespace tagalign::store
