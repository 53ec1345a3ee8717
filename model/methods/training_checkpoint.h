/// A training checkpoint that a reference wrote with torch.save (model, optimizer, lr_scheduler,
/// step, …), whatever its method.
///
/// `config` and the optimizer's betas are pickled omegaconf objects: they are not read. The frozen
/// towers in `model` are not read either: the CLIP file holds them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"
#include "model/files/torch_archive.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

/// Which tensors of `model` belong to a method.
struct CheckpointNames {
  bool (*is_own)(const std::string& name);
  bool (*is_trained)(const std::string& name);           ///< an own one with an optimiser's state
  std::string (*program_name)(const std::string& name);  ///< what this program calls it
  /// Has no state yet where the training had not reached its first step; nullptr: none.
  bool (*may_wait)(const std::string& name) = nullptr;
};

/// AdamW's moments, and what the checkpoint says about how they came to be.
struct ReferenceOptimizer {
  StateDict moments;               ///< "optimizer.exp_avg.NAME", "optimizer.exp_avg_sq.NAME"
  std::uint64_t updates = 0;       ///< steps that changed parameters: fp16 may have skipped some
  std::uint64_t late_updates = 0;  ///< of those that may wait; their moments are 0 with it
  double eps = 0;
  double weight_decay = 0;  ///< of the group that has any
};

struct TrainingCheckpoint {
  StateDict tensors;                        ///< that are own, as the file spells them
  std::optional<std::uint64_t> steps_done;  ///< the file's `step`, which counts from 0, plus one
  std::optional<ReferenceOptimizer> optimizer;
  std::optional<std::uint64_t> schedule_position;  ///< lr_scheduler's last_epoch
  std::optional<double> next_lr;                   ///< of the step after it
};

/// Reads training checkpoints, and files that hold less (only `model`, or a plain state dict).
/// Optimizer indices count all parameters of the freshly built model, those with weight decay
/// first; only trained ones have a state, so that state k of a group belongs to the k-th trained
/// parameter of that group in the order of `model`, those that wait left out. kInvalidArgument when
/// numbers or shapes contradict that, and what read_weights() refuses.
Result<TrainingCheckpoint> read_training_checkpoint(TorchArchive& archive,
                                                    const CheckpointNames& names);

/// True where the references apply weight decay.
bool has_weight_decay(const std::string& name, const at::Tensor& tensor);

}  // namespace tagalign::model
