#include "worker/weights/choose_checkpoint.h"

#include "base/format.h"
#include "checkpoint/checkpoint.h"

namespace tagalign::jobs {
namespace {

constexpr const char* kManifest = "manifest.json";
constexpr const char* kImported = "export";  // where `import` puts what serves no training

Status holds_none(FileSystem& files, const Path& path) {
  const Path imported = path / kImported;
  const std::string hint = files.exists(imported) ? format("; name {}", imported.string()) : "";
  return invalid_argument(
      format("{} is a folder without {} and without checkpoints below it (step-00001200 and the "
             "like); expected a checkpoint folder, a folder of them, or a weight file{}",
             path.string(), kManifest, hint));
}

Status holds_damaged(const Path& path, const checkpoint::Newest& newest) {
  std::string found;
  for (const auto& [folder, reason] : newest.skipped)
    found += (found.empty() ? "" : "; ") + reason.message();
  return invalid_argument(format("none of the {} checkpoints in {} can be read: {}",
                                 newest.skipped.size(), path.string(), found));
}

}  // namespace

Result<ChosenCheckpoint> choose_checkpoint(FileSystem& files, const Path& path) {
  const bool is_folder = files.list_directory(path).ok();
  if (!is_folder || files.exists(path / kManifest)) return ChosenCheckpoint{path, {}};
  TA_ASSIGN_OR_RETURN(const auto newest, checkpoint::load_newest(files, path));
  if (!newest.found)
    return newest.skipped.empty() ? holds_none(files, path) : holds_damaged(path, newest);
  ChosenCheckpoint chosen{newest.manifest.folder, {}};
  for (const auto& [folder, reason] : newest.skipped)
    chosen.notices.push_back(
        format("{} is damaged and was skipped: {}", folder.string(), reason.message()));
  chosen.notices.push_back(format("{}: takes {}, the newest of its checkpoints", path.string(),
                                  chosen.path.filename().string()));
  return chosen;
}

}  // namespace tagalign::jobs
