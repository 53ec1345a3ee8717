/// Which checkpoints of a folder stay.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "checkpoint/run_position.h"

namespace tagalign::checkpoint {

struct KeepRules {
  int last = 0;                 ///< the newest so many scheduled ones; 0 keeps all
  std::uint64_t every = 0;      ///< and those whose step is a multiple of it; 0: no such rule
  std::set<std::uint64_t> best = {};  ///< and these steps
};

/// Why a checkpoint stays or goes, in a word or two for people: "newest", "last 3", "every 1000",
/// "best", "pinned by job 7", "unscheduled".
struct Fate {
  Manifest manifest;
  bool stays = true;
  std::string reason;
};
/// Of every checkpoint that has a readable manifest, ascending. The newest and pinned ones always
/// stay; unscheduled ones go when they are not the newest.
Result<std::vector<Fate>> judge(FileSystem& files, const Path& folder, const KeepRules& rules);

/// Removes what judge() lets go, manifest first, and what crashed saves left behind. A removal that is
/// cut off leaves no checkpoint that looks damaged. Rank 0 only.
Status retain(FileSystem& files, const Path& folder, const KeepRules& rules);

/// A checkpoint that is in use stays until it is unpinned: FOLDER/pins/STEP.OWNER, a file. `owner` is
/// letters, digits, '-' and '_'. kNotFound when there is no such checkpoint (any more): a pin that
/// comes too late is taken back.
Status pin(FileSystem& files, const Path& step_folder, const std::string& owner);
Status unpin(FileSystem& files, const Path& step_folder, const std::string& owner);

}  // namespace tagalign::checkpoint
