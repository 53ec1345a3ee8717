/// A training checkpoint of the reference (torch.save of model, optimizer, lr_scheduler, step, …).
///
/// `config` and the optimizer's betas are pickled omegaconf objects: they are not read. The frozen
/// CLIP in `model` is not read either: surgery has renamed it, and the CLIP file holds it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/status.h"
#include "model/files/torch_archive.h"
#include "model/methods/tagalign/reference_names.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

/// AdamW's moments, and what the checkpoint says about how they came to be.
struct ReferenceOptimizer {
  StateDict moments;          ///< "optimizer.exp_avg.NAME", "optimizer.exp_avg_sq.NAME"
  std::uint64_t updates = 0;  ///< steps that changed parameters: fp16 may have skipped some
  double eps = 0;
  double weight_decay = 0;  ///< of the group that has any
};

struct ReferenceCheckpoint {
  StateDict tensors;  ///< exported_tensors(): names of branch main
  Naming naming = Naming::kMain;
  std::optional<std::uint64_t> steps_done;  ///< the file's `step`, which counts from 0, plus one
  std::optional<ReferenceOptimizer> optimizer;
  std::optional<std::uint64_t> schedule_position;  ///< lr_scheduler's last_epoch
  std::optional<double> next_lr;                   ///< of the step after it
};

/// Reads training checkpoints, and files that hold less (only `model`, or a plain state dict).
/// Optimizer indices count all parameters of the freshly built model, those with weight decay
/// first; only trained ones have a state, so that state k of a group belongs to the k-th trained
/// parameter of that group in the order of `model`. kInvalidArgument when numbers or shapes
/// contradict that, and what read_tensors() refuses.
Result<ReferenceCheckpoint> read_reference_checkpoint(TorchArchive& archive);

/// True where the reference applies weight decay.
bool has_weight_decay(const std::string& name, const at::Tensor& tensor);

}  // namespace tagalign::model
