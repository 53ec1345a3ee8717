/// Which trained weights a file or folder holds, without reading them into memory as tensors.
#pragma once

#include <string>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::jobs {

/// TrainedWeights::digest of `chosen`, a file or a step folder (choose_checkpoint.h). Cost: a file is
/// read once, of a step folder the manifest.
Result<std::string> trained_digest(FileSystem& files, const Path& chosen);

}  // namespace tagalign::jobs
