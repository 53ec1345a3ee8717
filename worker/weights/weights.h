/// Weight files as the jobs read and write them. In memory a StateDict; on disk safetensors,
/// or what PyTorch writes: TorchScript archives (.pt) and state dicts (.pth). The content
/// decides, not the name.
#pragma once

#include <map>
#include <string>

#include "base/file_system.h"
#include "base/status.h"
#include "model/files/torch_archive.h"
#include "model/training/state_dict.h"

namespace tagalign::jobs {

struct LoadedWeights {
  model::StateDict tensors;  ///< CPU, as stored (fp16 or fp32)
  std::string digest;  ///< hex XXH3-128 of the file: names the weights in keys and checkpoints
  std::map<std::string, std::string> metadata;  ///< of safetensors
};

/// Nothing in the file is executed (model/files/pickle.h). kNotFound, kDataLoss, kUnsupported for
/// what torch.save wrote before 1.6, kInvalidArgument for a PyTorch file that holds anything but
/// weights; the message names the file.
Result<LoadedWeights> load_weights(FileSystem& files, const Path& path);

/// What the first bytes say. kNotFound.
Result<model::WeightsFormat> weights_format_of(FileSystem& files, const Path& path);
/// For kTorchZip. Borrows `files`.
Result<model::TorchArchive> open_torch_archive(FileSystem& files, const Path& path);

/// Durable; creates the folder.
Status save_weights(FileSystem& files, const Path& path, const model::StateDict& tensors,
                    const std::map<std::string, std::string>& metadata);

}  // namespace tagalign::jobs
