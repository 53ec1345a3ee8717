/// One safetensors file.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "checkpoint/tensors.h"

namespace tagalign::checkpoint {

/// Durable; `metadata` goes into __metadata__.
Status write_safetensors(FileSystem& files, const Path& path,
                         const std::vector<TensorView>& tensors,
                         const std::map<std::string, std::string>& metadata);
struct SafetensorsFile {
  TensorMap tensors;
  std::map<std::string, std::string> metadata;
  std::map<std::string, std::string> not_read;  ///< name → type, of those that DType lacks
};
/// kDataLoss with offset and reason for anything that is not a whole, consistent file.
Result<SafetensorsFile> read_safetensors(FileSystem& files, const Path& path);

}  // namespace tagalign::checkpoint
