/// Weight files as the jobs read and write them. In memory a StateDict; on disk safetensors,
/// or what PyTorch writes: TorchScript archives (.pt) and state dicts (.pth), whatever wrapped them
/// in training. The content decides, not the name.
#pragma once

#include <map>
#include <string>

#include "base/file_system.h"
#include "base/status.h"
#include "model/files/file_kind.h"
#include "model/files/torch_archive.h"
#include "model/training/state_dict.h"

namespace tagalign::jobs {

struct LoadedWeights {
  model::StateDict tensors;  ///< CPU, as stored (fp16 or fp32)
  std::string digest;  ///< hex XXH3-128 of the file: names the weights in keys and checkpoints
  std::map<std::string, std::string> metadata;  ///< of safetensors
  model::ReadingNotes notes;                    ///< what was left out, what was taken off
};

/// Nothing in the file is executed (model/files/pickle.h). Names are plain
/// (model/files/plain_names.h). kNotFound, kDataLoss, kInvalidArgument for a file that holds anything
/// but weights and for what is no file of weights at all; the message names the file.
Result<LoadedWeights> load_weights(FileSystem& files, const Path& path);

/// What the first bytes say. kNotFound, and kInvalidArgument in place of kOther: the message says
/// what the file is instead.
Result<model::WeightsFormat> weights_format_of(FileSystem& files, const Path& path);
/// For kTorchZip and kTorchLegacy. Borrows `files`.
Result<model::TorchArchive> open_torch_archive(FileSystem& files, const Path& path);

/// "its tensors are named 'a', 'b' and 40 more", for messages of who looked for others.
std::string shown_names(const model::StateDict& tensors);
/// `status` of somebody who missed a tensor, and which were not read.
Status with_notes(const Status& status, const model::ReadingNotes& notes);

/// Durable; creates the folder.
Status save_weights(FileSystem& files, const Path& path, const model::StateDict& tensors,
                    const std::map<std::string, std::string>& metadata);

}  // namespace tagalign::jobs
