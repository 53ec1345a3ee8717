/// The frozen CLIP that training and evaluation read from one weight file.
#pragma once

#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/status.h"
#include "configs/schema/jobs/shared_configs.h"
#include "model/clip/towers.h"
#include "worker/rank/rank.h"

namespace tagalign::jobs {

struct FrozenClip {
  model::VisionTower vision;
  model::TextTower text;
  std::string digest;                                    ///< hex XXH3-128 of the file
  std::optional<model::FrozenForm> form = std::nullopt;  ///< of both towers, once they were frozen
};

/// Both towers on the rank's device, not yet frozen. kNotFound, kDataLoss, and kInvalidArgument for
/// a file that is no CLIP; the message names the file.
Result<FrozenClip> load_clip(const Rank& rank, const Path& path);

/// Collective. Makes both towers ready for passes under `precision`, if they are not; not while a
/// pass runs. All ranks attend in the way that the first one's processor prefers, so that a job has
/// one arithmetic. Cost: reads and writes the blocks' weights once.
Status freeze_clip(Rank& rank, config::Precision precision, FrozenClip& clip);

}  // namespace tagalign::jobs
