/// Whether a training may go on from a checkpoint, and in what it then differs from the run that
/// made it, for people. Pure.
#pragma once

#include <string>

#include "base/file_system.h"
#include "base/status.h"
#include "checkpoint/run_position.h"

namespace tagalign::jobs {

/// Changes that are allowed, with both values; empty: none.
struct AllowedChanges {
  std::string told;    ///< the numbers differ from here on
  std::string silent;  ///< they are the same, or differ in roundings that other ranks bring about
};

/// `run`: what the checkpoints of this run say of themselves; `found`: what one in `folder` says.
/// kInvalidArgument names what makes it another run, with both values.
Result<AllowedChanges> compare_runs(const checkpoint::RunPosition& run,
                                    const checkpoint::RunPosition& found, const Path& folder);

}  // namespace tagalign::jobs
