#include "base/format.h"
#include "checkpoint/format/layout.h"
#include "checkpoint/format/pins.h"
#include "checkpoint/keep.h"
#include "checkpoint/keep/step_place.h"

namespace tagalign::checkpoint {
namespace {

Status check_not_pinned(FileSystem& files, const StepPlace& place) {
  TA_ASSIGN_OR_RETURN(const Pins pins, read_pins(files, place.folder));
  if (!pins.contains(place.step)) return ok_status();
  return already_exists(format("remove {}: it is pinned; unpin it first", place.path().string()));
}

/// Not what saves left behind: another rank may have begun one.
Status finish_removals(FileSystem& files, const Path& folder) {
  TA_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list_directory(folder));
  for (const std::string& name : names) {
    if (is_removed(name)) TA_RETURN_IF_ERROR(remove_leftover(files, folder, name));
  }
  return ok_status();
}

}  // namespace

Status remove_checkpoint(FileSystem& files, const Path& step_folder) {
  TA_ASSIGN_OR_RETURN(const StepPlace place, place_of(step_folder));
  TA_RETURN_IF_ERROR(check_not_pinned(files, place));
  const std::string aside = removed_name(place.step);
  if (files.exists(place.folder / aside))
    TA_RETURN_IF_ERROR(remove_leftover(files, place.folder, aside));
  // One rename: the manifest and all else leave the folder in the same moment.
  TA_RETURN_IF_ERROR(files.rename_durable(place.path(), place.folder / aside));
  // Who has pinned it since may have seen it in its place: then it comes back.
  TA_RETURN_IF_ERROR(remove_leftover(files, place.folder, aside));
  return files.exists(place.path()) ? check_not_pinned(files, place) : ok_status();
}

Status retain(FileSystem& files, const Path& folder, const KeepRules& rules) {
  if (!files.exists(folder)) return ok_status();
  TA_RETURN_IF_ERROR(finish_removals(files, folder));
  TA_ASSIGN_OR_RETURN(const std::vector<Fate> fates, judge(files, folder, rules));
  for (const Fate& fate : fates) {
    if (fate.stays) continue;
    const Status status = remove_checkpoint(files, fate.manifest.folder);
    // Somebody pinned it, or removed it, meanwhile.
    const bool settled = status.ok() || status.code() == ErrorCode::kAlreadyExists ||
                         status.code() == ErrorCode::kNotFound;
    if (!settled) return status;
  }
  return ok_status();
}

}  // namespace tagalign::checkpoint
