#include "coordinator/cli/checkpoints/steps.h"

#include <algorithm>

#include "base/format.h"
#include "checkpoint/format/layout.h"

namespace tagalign::cli {
namespace {

Status no_checkpoints(const Path& path) {
  return not_found(
      format("{}: expected a checkpoint ({}), or a folder of them, found neither; name one",
             path.string(), checkpoint::step_name(1200)));
}

}  // namespace

bool is_folder_argument(const std::string& argument) {
  return argument == "." || argument == ".." || argument.find('/') != std::string::npos;
}

Result<std::vector<Path>> step_folders(FileSystem& files, const Path& path) {
  if (files.exists(path / checkpoint::kManifestName)) return std::vector<Path>{path};
  const Result<std::vector<std::string>> names = files.list_directory(path);
  if (!names.ok()) {
    return names.status().code() == ErrorCode::kNotFound ? no_checkpoints(path) : names.status();
  }
  std::vector<std::uint64_t> steps;
  for (const std::string& name : *names) {
    if (const auto step = checkpoint::step_of_name(name)) steps.push_back(*step);
  }
  if (steps.empty()) return no_checkpoints(path);
  std::ranges::sort(steps);
  std::vector<Path> folders;
  for (const std::uint64_t step : steps) folders.push_back(path / checkpoint::step_name(step));
  return folders;
}

Result<checkpoint::ManifestFile> open_step(FileSystem& files, const Path& path) {
  Result<checkpoint::ManifestFile> file = checkpoint::read_manifest_file(files, path);
  if (file.status().code() == ErrorCode::kNotFound) return no_checkpoints(path);
  return file;
}

std::uint64_t bytes_of(const checkpoint::ManifestContent& content) {
  std::uint64_t bytes = 0;
  for (const checkpoint::ShardRecord& shard : content.shards) bytes += shard.bytes;
  return bytes;
}

std::string shown_bytes(std::uint64_t bytes) {
  constexpr double kMegabyte = 1e6;
  return format("{:.1f} MB", static_cast<double>(bytes) / kMegabyte);
}

}  // namespace tagalign::cli
