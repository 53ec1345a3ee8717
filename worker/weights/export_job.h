/// tagalign-worker export: one safetensors file with the reference's names.
#pragma once

#include <string>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::jobs {

struct ExportOptions {
  std::string checkpoint;   ///< whatever read_trained_weights() reads
  std::string output;       ///< safetensors file to write
  std::string naming = {};  ///< main | dev | tcl; empty: the method's own
  std::string clip;         ///< CLIP weights to check against and to name; may be empty
};

/// Writes the projector, the logit scales and, if there, label_embedding, with
/// export_metadata(). Returns what was written and its notices, a line each, for people.
/// kInvalidArgument when tensors are missing, and when `clip` is not what the checkpoint was trained on.
Result<std::string> export_weights(FileSystem& files, const ExportOptions& options);

}  // namespace tagalign::jobs
