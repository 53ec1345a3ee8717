#include <algorithm>
#include <system_error>

#include "base/format.h"
#include "data/sources/archives/archive_names.h"
#include "data/sources/shard_set.h"

namespace tagalign::data {
namespace {

bool is_archive_name(const std::string& name) {
  for (const char* ending : {".tar", ".zip", ".tar.gz", ".tgz"}) {
    if (name.ends_with(ending) && !name.starts_with('.')) return true;
  }
  return false;
}

/// The archives of a folder; none when an image lies beside them.
Result<std::vector<Path>> archives_in(const Path& folder) {
  std::error_code error;
  std::vector<Path> found;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (is_image_name(name)) return std::vector<Path>();
    if (is_archive_name(name)) found.push_back(it->path());
  }
  if (error) return errno_status(error.value(), "list folder " + folder.string());
  return found;
}

Result<ShardRoot> one_path(const Path& path) {
  TA_ASSIGN_OR_RETURN(const ShardKind kind, shard_kind(path));
  if (kind != ShardKind::kFolder) return ShardRoot{false, {path}};
  TA_ASSIGN_OR_RETURN(std::vector<Path> archives, archives_in(path));
  if (archives.empty()) return ShardRoot{true, {path}};
  return ShardRoot{false, std::move(archives)};
}

}  // namespace

Result<ShardRoot> find_shards(const std::string& root) {
  ShardRoot found;
  if (root.find_first_of("*?[") == std::string::npos || data::exists(root)) {
    TA_ASSIGN_OR_RETURN(found, one_path(root));
  } else {
    TA_ASSIGN_OR_RETURN(found.shards, expand_pattern(root));
    if (found.shards.empty()) return not_found(format("open {}: no file fits the pattern", root));
    for (const Path& path : found.shards) {
      TA_ASSIGN_OR_RETURN(const ShardKind kind, shard_kind(path));
      if (kind != ShardKind::kFolder) continue;
      return invalid_argument(format("open {}: a pattern names zips and tars, but {} is a folder",
                                     root, path.string()));
    }
  }
  std::sort(found.shards.begin(), found.shards.end(),
            [](const Path& a, const Path& b) { return a.native() < b.native(); });
  return found;
}

}  // namespace tagalign::data
