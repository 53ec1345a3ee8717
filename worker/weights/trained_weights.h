/// What a method trained, apart from the frozen CLIP, from any file or folder that can hold one:
///   a checkpoint folder of this program (step-00001200/), or a folder of them: the newest
///   a safetensors file, of `export` or of somebody else, with names of branch main or dev
///   what the reference saved with torch.save: a training checkpoint or a state dict
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "checkpoint/run_position.h"
#include "model/methods/method.h"
#include "model/training/state_dict.h"

namespace tagalign::jobs {

struct TrainedWeights {
  model::StateDict tensors;               ///< WeightNames::own()
  model::StateDict moments;               ///< "optimizer.…"; empty when the source holds none
  const model::Method* method = nullptr;  ///< whose weights they are
  model::WeightLayout layout;
  std::string naming = "main";  ///< the source's spelling
  /// As far as the source says: unknown digests are empty, an unknown step is 0.
  checkpoint::RunPosition position;
  std::string digest;                ///< of the source: the manifest's, or hex XXH3-128 of the file
  std::string source;                ///< "a training checkpoint of the reference"
  Path path;                         ///< of the source: what choose_checkpoint() chose
  std::vector<std::string> notices;  ///< what a person should know, one sentence each
  /// What a training checkpoint of the reference says of its schedule.
  std::optional<std::uint64_t> schedule_position;
  std::optional<double> next_lr;
  std::optional<std::uint64_t> updates;  ///< steps of the optimiser, where the source counts them
  std::optional<std::uint64_t> late_updates;  ///< of parameters that train from a later step on
};

/// kNotFound, kDataLoss, kInvalidArgument when no method knows the weights and when `path` is a
/// folder without a checkpoint; the message names `path`.
Result<TrainedWeights> read_trained_weights(FileSystem& files, const Path& path);

/// Says that `trained` belongs to the CLIP weights in `clip`. kInvalidArgument when the widths do
/// not fit, or when the source names other weights.
Status bind_clip(FileSystem& files, const Path& clip, TrainedWeights& trained);

}  // namespace tagalign::jobs
