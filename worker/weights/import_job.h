/// tagalign-worker import: a trained TagAlign of the reference, or an exported one, as a checkpoint
/// folder of this program.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::jobs {

struct ImportOptions {
  std::string from;                    ///< .pth, .pt or .safetensors, by content
  std::string output;                  ///< folder of step folders
  std::string clip;                    ///< the CLIP weights that it was trained on; may be empty
  std::string config;                  ///< training configuration to go on with; empty: no training
  std::vector<std::string> overrides;  ///< of the configuration
};

struct Imported {
  Path folder;                       ///< the step folder
  bool resumable = false;            ///< `train` with that configuration goes on from it
  std::vector<std::string> notices;  ///< what a person should know, one sentence each
};

/// With the optimizer's state the checkpoint lies in output/step-…; without, in
/// output/export/step-…, where `train` does not look and `evaluate` and `export` can be pointed at.
/// A training resumes only with `config`, because a checkpoint names the configuration, data set
/// and CLIP that it belongs to. kInvalidArgument when the source does not fit the CLIP or the
/// configuration; nothing is written then.
Result<Imported> import_weights(FileSystem& files, const ImportOptions& options);

}  // namespace tagalign::jobs
