#include "worker/weights/weights.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/checksum.h"
#include "base/format.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/tensor_adapter.h"
#include "model/files/plain_names.h"
#include "model/files/torch_weights.h"

namespace tagalign::jobs {
namespace {

Result<LoadedWeights> load_safetensors(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(auto file, checkpoint::read_safetensors(files, path));
  LoadedWeights loaded;
  loaded.tensors = model::with_plain_names(checkpoint::to_tensors(std::move(file.tensors)),
                                           loaded.notes.notices);
  loaded.metadata = std::move(file.metadata);
  for (const auto& [name, type] : file.not_read)
    loaded.notes.not_read.push_back(model::printable(name));
  return loaded;
}

Result<LoadedWeights> load_torch(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(auto archive, open_torch_archive(files, path));
  LoadedWeights loaded;
  TA_ASSIGN_OR_RETURN(loaded.tensors, model::read_weights(archive));
  loaded.notes = archive.notes();
  return loaded;
}

/// Of the path, not of storage that is in trouble.
bool is_missing(const Status& status) {
  return status.code() == ErrorCode::kNotFound && !status.is_of_the_place();
}

}  // namespace

Result<model::WeightsFormat> weights_format_of(FileSystem& files, const Path& path) {
  const auto size = files.file_size(path);
  if (is_missing(size.status())) {
    return not_found(
        format("{}: expected a file of weights (safetensors, or what torch.save or torch.jit.save "
               "wrote), found no file of that name; a relative path begins in the working folder",
               path.string()));
  }
  if (!size.ok()) return size.status();
  std::array<std::byte, model::kFormatBytes> first{};
  const std::span<std::byte> there(first.data(), std::min<std::uint64_t>(*size, first.size()));
  TA_RETURN_IF_ERROR(files.read_range(path, 0, there));
  const auto found = model::weights_format(there);
  if (found != model::WeightsFormat::kOther) return found;
  return invalid_argument(
      format("{} {}; expected safetensors, or what torch.save or torch.jit.save wrote",
             path.string(), model::other_kind(there)));
}

Result<model::TorchArchive> open_torch_archive(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(auto source, model::file_source(files, path));
  return model::TorchArchive::open(std::move(source), path.string());
}

Result<LoadedWeights> load_weights(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(const auto found, weights_format_of(files, path));
  TA_ASSIGN_OR_RETURN(LoadedWeights loaded, found == model::WeightsFormat::kSafetensors
                                                ? load_safetensors(files, path)
                                                : load_torch(files, path));
  TA_ASSIGN_OR_RETURN(const Digest128 digest, digest_file(files, path));
  loaded.digest = digest.hex();
  return loaded;
}

std::string shown_names(const model::StateDict& tensors) {
  constexpr std::size_t kShownMax = 2;
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    if (names.size() < kShownMax) names.push_back(model::printable(name));
  }
  const std::size_t more = tensors.size() - names.size();
  return format("its tensors are named '{}'{}", fmt::join(names, "', '"),
                more > 0 ? format(" and {} more", more) : "");
}

Status with_notes(const Status& status, const model::ReadingNotes& notes) {
  if (status.ok() || notes.not_read.empty()) return status;
  constexpr std::size_t kShownMax = 8;
  auto names = notes.not_read;
  names.resize(std::min(names.size(), kShownMax));
  return {status.code(), format("{}; of types that are not read: '{}'", status.message(),
                                fmt::join(names, "', '"))};
}

Status save_weights(FileSystem& files, const Path& path, const model::StateDict& tensors,
                    const std::map<std::string, std::string>& metadata) {
  if (path.has_parent_path()) TA_RETURN_IF_ERROR(files.create_directories(path.parent_path()));
  TA_ASSIGN_OR_RETURN(const auto held, checkpoint::hold_views(tensors));
  return checkpoint::write_safetensors(files, path, held.views, metadata);
}

}  // namespace tagalign::jobs
