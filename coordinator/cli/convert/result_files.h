/// Result files of evaluations that no coordinator has seen, put together as it would.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "coordinator/wire/client_messages.h"

namespace tagalign::cli {

struct CollectedResults {
  /// One a content key, without a job or time; those of older evaluation revisions come first, so
  /// that a table shows the newest.
  std::vector<wire::ResultRow> rows;
  /// A sentence for each file that is no good, contradicts another of its key, or was counted under
  /// an older evaluation revision than others.
  std::vector<std::string> complaints;
};

/// Reads every *.json in the folders, not below them, in the order of folders and names. Of equal
/// keys the first stays. An error only where a folder cannot be listed.
Result<CollectedResults> collect_results(FileSystem& files, const std::vector<Path>& folders);

}  // namespace tagalign::cli
