/// Which checkpoints of a folder stay.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "checkpoint/run_position.h"

namespace tagalign::checkpoint {

struct KeepRules {
  int last = 0;                       ///< the newest so many scheduled ones; 0 keeps all
  std::uint64_t every = 0;            ///< and those whose step is a multiple of it; 0: no such rule
  std::set<std::uint64_t> best = {};  ///< and these steps, scheduled or not
};

/// Why a checkpoint stays or goes, in a word or two for people: "newest", "last 3", "every 1000",
/// "best", "pinned by job-7", "unscheduled", "all are kept", "expired".
struct Fate {
  Manifest manifest;
  bool stays = true;
  std::string reason;
};
/// Of every checkpoint that has a readable manifest, ascending. The newest and pinned ones always
/// stay; unscheduled ones go when no rule names their step and they are not the newest.
Result<std::vector<Fate>> judge(FileSystem& files, const Path& folder, const KeepRules& rules);

/// Removes what judge() lets go, the oldest first, and what removals that were cut off left behind.
/// What saves left behind is left to the next save, which alone knows its own. Rank 0 only.
Status retain(FileSystem& files, const Path& folder, const KeepRules& rules);

/// Removes one checkpoint, in one step for whoever looks at the folder: a removal that is cut off
/// leaves the checkpoint whole, or a name that starts with a dot. kAlreadyExists when it is pinned,
/// also while it is being removed: it is back then. Safe beside a run that saves in the folder.
Status remove_checkpoint(FileSystem& files, const Path& step_folder);

/// A checkpoint that is in use stays until it is unpinned: FOLDER/pins/STEP.OWNER, a file. `owner` is
/// letters, digits, '-' and '_', at most 64. kNotFound when there is no such checkpoint (any more): a
/// pin that comes too late is taken back. Pinning twice is as pinning once.
Status pin(FileSystem& files, const Path& step_folder, const std::string& owner);
/// kNotFound when it is not pinned so; the checkpoint need not exist any more.
Status unpin(FileSystem& files, const Path& step_folder, const std::string& owner);

}  // namespace tagalign::checkpoint
