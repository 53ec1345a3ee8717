#include <algorithm>

#include "base/format.h"
#include "checkpoint/format/layout.h"
#include "checkpoint/format/manifest.h"

namespace tagalign::checkpoint {
namespace {

std::string folder_name(const Path& path) {
  const Path normal = path.lexically_normal();
  return normal.has_filename() ? normal.filename().string()
                               : normal.parent_path().filename().string();
}

/// Names to remove, given the checkpoints in ascending order.
std::vector<std::string> expired(const std::vector<Manifest>& manifests, std::size_t keep_last) {
  std::vector<std::string> names;
  std::size_t scheduled = 0;
  for (std::size_t back = 0; back < manifests.size(); ++back) {
    const Manifest& manifest = manifests[manifests.size() - 1 - back];
    const std::string name = folder_name(manifest.folder);
    const bool newest = back == 0;
    bool remove = !newest;
    if (manifest.position.scheduled) remove = keep_last != 0 && ++scheduled > keep_last && !newest;
    if (remove) names.push_back(name);
  }
  return names;
}

}  // namespace

Result<std::vector<Manifest>> list(FileSystem& files, const Path& folder) {
  std::vector<Manifest> manifests;
  if (!files.exists(folder)) return manifests;
  TA_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list_directory(folder));
  for (const std::string& name : names) {
    if (!step_of_name(name)) continue;
    Result<Manifest> manifest = read_manifest(files, folder / name);
    if (manifest.ok()) manifests.push_back(std::move(manifest).value());
  }
  std::sort(manifests.begin(), manifests.end(),
            [](const Manifest& a, const Manifest& b) { return a.position.step < b.position.step; });
  return manifests;
}

Status retain(FileSystem& files, const Path& folder, int keep_last) {
  TA_CHECK(keep_last >= 0);
  if (!files.exists(folder)) return ok_status();
  TA_ASSIGN_OR_RETURN(const std::vector<Manifest> manifests, list(files, folder));
  for (const std::string& name : expired(manifests, static_cast<std::size_t>(keep_last))) {
    // Under a dot name first: a removal that is cut off must not look like a damaged checkpoint.
    TA_RETURN_IF_ERROR(files.remove_all(folder / format(".{}.removed", name)));
    TA_RETURN_IF_ERROR(files.rename_durable(folder / name, folder / format(".{}.removed", name)));
  }
  return remove_leftovers(files, folder);
}

}  // namespace tagalign::checkpoint
