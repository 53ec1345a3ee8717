/// A training checkpoint of TagAlign's reference, under the names of this program.
#pragma once

#include <cstdint>
#include <optional>

#include "base/status.h"
#include "model/files/torch_archive.h"
#include "model/methods/tagalign/reference_names.h"
#include "model/methods/training_checkpoint.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

struct ReferenceCheckpoint {
  StateDict tensors;  ///< exported_tensors(): names of branch main
  Naming naming = Naming::kMain;
  std::optional<std::uint64_t> steps_done;  ///< as TrainingCheckpoint has it, and so the rest
  std::optional<ReferenceOptimizer> optimizer;
  std::optional<std::uint64_t> schedule_position;
  std::optional<double> next_lr;
};

/// Training checkpoints, and files that hold less; fails as read_training_checkpoint() does.
Result<ReferenceCheckpoint> read_reference_checkpoint(TorchArchive& archive);

}  // namespace tagalign::model
