#include "worker/weights/choose_checkpoint.h"

#include "base/format.h"
#include "checkpoint/load.h"

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
  const std::size_t count = newest.skipped.size();
  return invalid_argument(
      count == 1 ? format("the only checkpoint in {} cannot be read: {}", path.string(), found)
                 : format("none of the {} checkpoints in {} can be read: {}", count, path.string(),
                          found));
}

/// As a whole path or as a folder on the way to another.
bool names(std::string_view text, std::string_view path) {
  constexpr std::string_view kBefore = " '", kBehind = " ':;,/";
  for (auto at = text.find(path); at != std::string_view::npos; at = text.find(path, at + 1)) {
    const auto end = at + path.size();
    const bool begins = at == 0 || kBefore.find(text[at - 1]) != std::string_view::npos;
    if (begins && (end == text.size() || kBehind.find(text[end]) != std::string_view::npos))
      return true;
  }
  return false;
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
    chosen.notices.push_back("a damaged checkpoint was skipped: " +
                             about_checkpoint(folder, reason.message()));
  chosen.notices.push_back(format("{}: takes {}, the newest of its checkpoints", path.string(),
                                  chosen.path.filename().string()));
  return chosen;
}

std::string about_checkpoint(const Path& path, const std::string& text) {
  const std::string object = format("checkpoint {}", path.string());
  if (names(text, object)) return text;
  return format("{}: {}", names(text, path.string()) ? "checkpoint" : object, text);
}

Status about_checkpoint(const Path& path, const Status& status) {
  if (status.ok()) return status;
  return Status(status.code(), about_checkpoint(path, status.message()))
      .set_of_the_place(status.is_of_the_place());
}

}  // namespace tagalign::jobs
