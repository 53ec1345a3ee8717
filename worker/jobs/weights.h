/// Weight files as the jobs read and write them: safetensors on disk, StateDict in memory.
#pragma once

#include <map>
#include <string>

#include "base/file_system.h"
#include "base/status.h"
#include "model/state_dict.h"

namespace tagalign::jobs {

struct LoadedWeights {
  model::StateDict tensors;  ///< CPU, as stored (fp16 or fp32)
  std::string digest;  ///< hex XXH3-128 of the file: names the weights in keys and checkpoints
};

/// kNotFound, kDataLoss; the message names the file.
Result<LoadedWeights> load_weights(FileSystem& files, const Path& path);

/// Durable; creates the folder.
Status save_weights(FileSystem& files, const Path& path, const model::StateDict& tensors,
                    const std::map<std::string, std::string>& metadata);

}  // namespace tagalign::jobs
