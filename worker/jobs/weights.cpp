#include "worker/jobs/weights.h"

#include "base/checksum.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/tensor_adapter.h"

namespace tagalign::jobs {

Result<LoadedWeights> load_weights(FileSystem& files, const Path& path) {
  auto file = checkpoint::read_safetensors(files, path);
  if (!file.ok()) return file.status().with_context("weights");
  TA_ASSIGN_OR_RETURN(const Digest128 digest, digest_file(files, path));
  return LoadedWeights{.tensors = checkpoint::to_tensors(std::move(file->tensors)),
                       .digest = digest.hex()};
}

Status save_weights(FileSystem& files, const Path& path, const model::StateDict& tensors,
                    const std::map<std::string, std::string>& metadata) {
  if (path.has_parent_path()) TA_RETURN_IF_ERROR(files.create_directories(path.parent_path()));
  TA_ASSIGN_OR_RETURN(const auto held, checkpoint::hold_views(tensors));
  return checkpoint::write_safetensors(files, path, held.views, metadata);
}

}  // namespace tagalign::jobs
