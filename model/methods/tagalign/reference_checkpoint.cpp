#include "model/methods/tagalign/reference_checkpoint.h"

#include <utility>

namespace tagalign::model {

Result<ReferenceCheckpoint> read_reference_checkpoint(TorchArchive& archive) {
  TA_ASSIGN_OR_RETURN(
      TrainingCheckpoint file,
      read_training_checkpoint(
          archive, {.is_own = is_exported, .is_trained = is_trained, .program_name = main_name}));
  return ReferenceCheckpoint{.tensors = exported_tensors(file.tensors),
                             .naming = naming_of(file.tensors),
                             .steps_done = file.steps_done,
                             .optimizer = std::move(file.optimizer),
                             .schedule_position = file.schedule_position,
                             .next_lr = file.next_lr};
}

}  // namespace tagalign::model
