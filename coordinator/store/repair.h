/// What `tagalign coordinator repair` does with a state folder whose store is damaged.
///
/// Order    the files are copied, and only the copies opened; what verifies (salvage.h) is written into
///          a new database beside the damaged one; one rename makes it the store. Before that rename
///          nothing has changed; after it whoever opens the store finishes what is left to do. The
///          damaged files stay in STATE/damaged-TIME/.
/// Memory   the bytes of the files.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::store {

struct RepairReport {
  bool repaired = false;           ///< false: nothing was damaged, nothing was changed
  std::vector<std::string> lines;  ///< what was kept, what was dropped, where the damaged files are
};

/// kAlreadyExists while a coordinator holds the folder, kNotFound where there is no store,
/// kUnsupported for one of a newer program, kDataLoss when nothing verifies; then the folder
/// stays as it was.
Result<RepairReport> repair_store(const Path& folder, UnixMs now_ms);

/// Ends a repair that was cut short behind its rename. Requires the folder's lock.
Status finish_repair(const Path& folder);

}  // namespace tagalign::store
