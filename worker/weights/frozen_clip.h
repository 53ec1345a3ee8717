/// The frozen CLIP that training and evaluation read from one weight file.
#pragma once

#include <string>

#include "base/file_system.h"
#include "base/status.h"
#include "model/clip/towers.h"
#include "worker/rank/rank.h"

namespace tagalign::jobs {

struct FrozenClip {
  model::VisionTower vision;
  model::TextTower text;
  std::string digest;  ///< hex XXH3-128 of the file
};

/// Both towers on the rank's device. kNotFound, kDataLoss, and kInvalidArgument for a file that is
/// no CLIP; the message names the file.
Result<FrozenClip> load_clip(const Rank& rank, const Path& path);

}  // namespace tagalign::jobs
