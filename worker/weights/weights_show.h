/// tagalign-worker weights: what a weight file or checkpoint folder holds, and whether it fits.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::jobs {

struct WeightsShowOptions {
  std::string file;    ///< anything that load_weights() or read_trained_weights() reads
  std::string config;  ///< of `train` or `evaluate`; may be empty
  std::vector<std::string> overrides;
};

struct WeightsCard {
  std::string line;  ///< one JSON object, without a line end
  bool fits = false;
};

/// The card's line:
///   file, container ("safetensors", "torch archive", "torch archive before 1.6", "checkpoint
///   folder"), digest, bytes,
///   clip and projector (their architecture, or null), naming, step, clip_digest,
///   parameters, types {"float16": 91}, tensors [{name, type, shape}], not_read (tensors of types that
///   are not read, and foreign names that were passed over), notices (sentences), missing, unexpected (names, for the configuration or else for the
///   architecture), problems (sentences), fits (no missing, no unexpected, no problems)
/// kNotFound, kDataLoss, kInvalidArgument for what cannot be read at all.
Result<WeightsCard> describe_weights(FileSystem& files, const WeightsShowOptions& options);

}  // namespace tagalign::jobs
