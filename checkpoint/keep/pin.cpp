#include "checkpoint/format/pins.h"

#include "base/format.h"
#include "checkpoint/format/layout.h"
#include "checkpoint/keep.h"
#include "checkpoint/keep/step_place.h"

namespace tagalign::checkpoint {
namespace {

Status check_owner(const std::string& owner) {
  if (is_pin_owner(owner)) return ok_status();
  return invalid_argument(format(
      "pin: expected an owner of 1 to 64 letters, digits, '-' and '_', found '{}'; name another",
      owner));
}

Status check_there(FileSystem& files, const StepPlace& place) {
  if (files.exists(place.path() / kManifestName)) return ok_status();
  return not_found(
      format("pin {}: there is no such checkpoint (any more); choose one of those in {}",
             place.path().string(), place.folder.string()));
}

Status remove_pin(FileSystem& files, const Path& path) {
  TA_RETURN_IF_ERROR(files.remove_all(path));
  return files.sync_directory(parent_of(path));
}

}  // namespace

Status pin(FileSystem& files, const Path& step_folder, const std::string& owner) {
  TA_RETURN_IF_ERROR(check_owner(owner));
  TA_ASSIGN_OR_RETURN(const StepPlace place, place_of(step_folder));
  TA_RETURN_IF_ERROR(check_there(files, place));
  const Path path = pin_path(place.folder, place.step, owner);
  TA_RETURN_IF_ERROR(make_folder(files, parent_of(path)));
  TA_RETURN_IF_ERROR(files.write_durable(path, ""));
  // From here on whoever removes the checkpoint sees the pin; but it may be gone already.
  Status status = check_there(files, place);
  if (!status.ok()) TA_RETURN_IF_ERROR(remove_pin(files, path));
  return status;
}

Status unpin(FileSystem& files, const Path& step_folder, const std::string& owner) {
  TA_RETURN_IF_ERROR(check_owner(owner));
  TA_ASSIGN_OR_RETURN(const StepPlace place, place_of(step_folder));
  const Path path = pin_path(place.folder, place.step, owner);
  if (files.exists(path)) return remove_pin(files, path);
  return not_found(
      format("unpin {}: it is not pinned by '{}'; see who pins it with: tagalign "
             "checkpoints {}",
             place.path().string(), owner, place.folder.string()));
}

}  // namespace tagalign::checkpoint
