#include "worker/weights/weights.h"

#include <algorithm>
#include <array>

#include "base/checksum.h"
#include "base/format.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/tensor_adapter.h"

namespace tagalign::jobs {
namespace {

Result<LoadedWeights> load_safetensors(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(auto file, checkpoint::read_safetensors(files, path));
  return LoadedWeights{.tensors = checkpoint::to_tensors(std::move(file.tensors)),
                       .digest = "",
                       .metadata = std::move(file.metadata)};
}

Result<LoadedWeights> load_torch(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(auto archive, open_torch_archive(files, path));
  TA_ASSIGN_OR_RETURN(auto tensors, model::read_weights(archive));
  return LoadedWeights{.tensors = std::move(tensors), .digest = "", .metadata = {}};
}

Status refuse_legacy(const Path& path) {
  return unsupported(format(
      "{} was written by torch.save in its format before version 1.6, expected a zip archive "
      "or safetensors; in Python: torch.save(torch.load(FILE, weights_only=True), NEW_FILE)",
      path.string()));
}

}  // namespace

Result<model::WeightsFormat> weights_format_of(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(const std::uint64_t size, files.file_size(path));
  std::array<std::byte, model::kFormatBytes> first{};
  const std::span<std::byte> there(first.data(), std::min<std::uint64_t>(size, first.size()));
  TA_RETURN_IF_ERROR(files.read_range(path, 0, there));
  return model::weights_format(there);
}

Result<model::TorchArchive> open_torch_archive(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(auto source, model::file_source(files, path));
  return model::TorchArchive::open(std::move(source), path.string());
}

Result<LoadedWeights> load_weights(FileSystem& files, const Path& path) {
  const auto format_found = weights_format_of(files, path);
  if (!format_found.ok()) return format_found.status().with_context("weights");
  if (*format_found == model::WeightsFormat::kTorchLegacy)
    return refuse_legacy(path).with_context("weights");
  auto loaded = *format_found == model::WeightsFormat::kTorchZip ? load_torch(files, path)
                                                                 : load_safetensors(files, path);
  if (!loaded.ok()) return loaded.status().with_context("weights");
  TA_ASSIGN_OR_RETURN(const Digest128 digest, digest_file(files, path));
  loaded->digest = digest.hex();
  return loaded;
}

Status save_weights(FileSystem& files, const Path& path, const model::StateDict& tensors,
                    const std::map<std::string, std::string>& metadata) {
  if (path.has_parent_path()) TA_RETURN_IF_ERROR(files.create_directories(path.parent_path()));
  TA_ASSIGN_OR_RETURN(const auto held, checkpoint::hold_views(tensors));
  return checkpoint::write_safetensors(files, path, held.views, metadata);
}

}  // namespace tagalign::jobs
