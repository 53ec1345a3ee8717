/// What a coordinator's folder has kept, and what can be made of it without a coordinator: the command
/// line only asks and prints.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/cli/host/output.h"

namespace tagalign::cli {

struct ExportEnd {
  std::uint64_t facts = 0;
  std::uint64_t first = 0;    ///< above 1: older ones have left the archive
  std::uint64_t missing = 0;  ///< left out by a repair
};

struct RepairEnd {
  bool repaired = false;
  std::vector<std::string> lines;
};

/// A history that was run again, as a table, and what should be said about it.
struct ReplayEnd {
  Listing listing;
  std::vector<std::string> remarks;
};

struct Past {
  /// Calls take(line) for each fact as JSON.
  std::function<Result<ExportEnd>(const Path& state,
                                  const std::function<void(const std::string& line)>& take)>
      export_facts;
  std::function<Result<RepairEnd>(const Path& state, UnixMs now_ms)> repair;
  /// `history`: lines of an export; `what_if`: "slots=16,backfill=off", empty for none.
  std::function<Result<ReplayEnd>(const std::string& history, const std::string& what_if)> replay;
};

}  // namespace tagalign::cli
