#include <map>

#include "base/format.h"
#include "checkpoint/format/layout.h"
#include "checkpoint/load.h"
#include "coordinator/cli/checkpoints/pages.h"
#include "coordinator/cli/checkpoints/steps.h"

namespace tagalign::cli {
namespace {

/// What a run's own clearing up would do; by which rules it does it, its configuration says.
std::string shown(const checkpoint::Fate& fate) {
  if (fate.reason == "all are kept") return "stays by the run's rules";
  return fate.stays ? "stays: " + fate.reason : "goes: " + fate.reason;
}

Value age_of(const Path& step_folder, UnixMs now_ms) {
  const auto modified = modified_ms(step_folder / checkpoint::kManifestName);
  if (!modified.ok()) return nothing();
  const std::int64_t age_ms = std::max<std::int64_t>(0, now_ms - *modified);
  return number(static_cast<std::uint64_t>(age_ms), format_duration(age_ms));
}

std::vector<Value> damaged_row(const Path& path, UnixMs now_ms, const Status& why) {
  return {text(path.string()),
          nothing(),
          nothing(),
          nothing(),
          nothing(),
          age_of(path, now_ms),
          text("damaged: " + why.message())};
}

std::vector<Value> row_of(const checkpoint::ManifestFile& file, UnixMs now_ms,
                          const std::string& fate) {
  const checkpoint::RunPosition& position = file.manifest.position;
  const std::uint64_t bytes = bytes_of(file.content);
  return {text(file.manifest.folder.string()),
          number(position.step),
          number(bytes, shown_bytes(bytes)),
          number(static_cast<std::uint64_t>(position.world_size)),
          yes_or_no(position.scheduled),
          age_of(file.manifest.folder, now_ms),
          text(fate)};
}

}  // namespace

Result<Listing> folder_page(FileSystem& files, const Path& folder, UnixMs now_ms) {
  TA_ASSIGN_OR_RETURN(const std::vector<Path> paths, step_folders(files, folder));
  TA_ASSIGN_OR_RETURN(const auto fates, checkpoint::judge(files, folder, {}));
  std::map<Path, std::string> shown_fates;
  for (const checkpoint::Fate& fate : fates) shown_fates[fate.manifest.folder] = shown(fate);
  Listing listing{{{"path", "PATH"},
                   {"step", "STEP", true},
                   {"bytes", "SIZE", true},
                   {"world", "WORLD", true},
                   {"scheduled", "SCHEDULED"},
                   {"age_ms", "AGE", true},
                   {"fate", "FATE"}},
                  {},
                  "no checkpoints"};
  for (const Path& path : paths) {
    const auto file = checkpoint::read_manifest_file(files, path);
    listing.rows.push_back(file.ok() ? row_of(*file, now_ms, shown_fates[path])
                                     : damaged_row(path, now_ms, file.status()));
  }
  return listing;
}

Result<std::string> writer_line(FileSystem& files, const Path& folder) {
  TA_ASSIGN_OR_RETURN(const auto lease, checkpoint::read_lease(files, folder));
  if (!lease) return std::string();
  const std::string who = lease->job == 0
                              ? format("a run without a coordinator (number {})", lease->attempt)
                              : format("job {} attempt {}", lease->job, lease->attempt);
  return format("last taken by {} to write in; whether that still runs, the folder does not say",
                who);
}

Verification verification_page(FileSystem& files, const std::vector<Path>& folders, int threads) {
  Verification verification{{{{"path", "PATH"}, {"state", "STATE"}}, {}, "no checkpoints"}};
  for (const Path& path : folders) {
    const Result<checkpoint::Manifest> manifest = checkpoint::read_manifest(files, path);
    const Status status =
        manifest.ok() ? checkpoint::verify(files, *manifest, threads) : manifest.status();
    verification.damaged |= !status.ok();
    verification.listing.rows.push_back(
        {text(path.string()), text(status.ok() ? "ok" : status.message())});
  }
  return verification;
}

Listing removal_page(FileSystem& files, const std::vector<checkpoint::Fate>& fates,
                     const std::string& verb) {
  Listing listing{
      {{"path", "PATH"}, {"step", "STEP", true}, {"bytes", "SIZE", true}, {"why", "WHY"}},
      {},
      "nothing to remove"};
  for (const checkpoint::Fate& fate : fates) {
    const checkpoint::Manifest& manifest = fate.manifest;
    const auto file = checkpoint::read_manifest_file(files, manifest.folder);
    const std::uint64_t bytes = file.ok() ? bytes_of(file->content) : 0;
    listing.rows.push_back({text(manifest.folder.string()), number(manifest.position.step),
                            file.ok() ? number(bytes, shown_bytes(bytes)) : nothing(),
                            text(format("{}: {}", verb, fate.reason))});
  }
  return listing;
}

}  // namespace tagalign::cli
