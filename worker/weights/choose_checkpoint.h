/// Which checkpoint a path names: every command that takes one asks here.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::jobs {

struct ChosenCheckpoint {
  Path path;                         ///< a file, or a step folder
  std::vector<std::string> notices;  ///< sentences; empty when `path` is what was named
};

/// A file, a step folder: itself. A folder of step folders: the newest that verifies completely.
/// kInvalidArgument for a folder that holds no checkpoint, kDataLoss when none of its checkpoints
/// can be read. Cost: of a folder of step folders that one is read once.
Result<ChosenCheckpoint> choose_checkpoint(FileSystem& files, const Path& path);

/// `text` about what `path` names: "checkpoint PATH: TEXT", without what `text` says itself.
std::string about_checkpoint(const Path& path, const std::string& text);
/// The same for the message of a failure.
Status about_checkpoint(const Path& path, const Status& status);

}  // namespace tagalign::jobs
