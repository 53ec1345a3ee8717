/// What lies in the folder into which a user unpacked the archives, however deep.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/datasets/folder_files.h"

namespace tagalign::data {

/// The ending with its dot, in lower case: ".jpg" of "A.JPG"; empty when there is none.
std::string ending_of(std::string_view name);
/// `name` without its last characters, as many as `suffix` has.
std::string without_suffix(std::string_view name, std::string_view suffix);

struct SourceFolder {
  Path path;                         ///< source / …
  std::vector<std::string> files;    ///< names, sorted, without junk
  std::vector<std::string> folders;  ///< likewise

  std::string name() const { return path.filename().string(); }
  bool has_file_like(std::string_view suffix) const;
  bool has_folder(std::string_view folder) const;
};

class SourceTree {
 public:
  /// Lists `source` seven levels deep, leaving out junk and the folders named in `skipped` (big
  /// parts of the archives that the caller does not need) and the folder `without`. kNotFound when
  /// there is no such source.
  static Result<SourceTree> scan(FileSystem& files, const Path& source,
                                 const std::set<std::string>& skipped, const Path& without = {});

  const Path& source() const { return source_; }
  /// The one nearest to the top for which `matches` holds, by name within a level; nullptr: none.
  const SourceFolder* find(const std::function<bool(const SourceFolder&)>& matches) const;
  std::vector<const SourceFolder*> find_all(
      const std::function<bool(const SourceFolder&)>& matches) const;
  /// nullptr when it was not listed.
  const SourceFolder* at(const Path& path) const;
  /// The first of such a name, at any depth, or nullopt.
  std::optional<Path> find_file(std::string_view name) const;

  /// For messages: "VOC2007 (3 folders, 12 files), …": what the top levels hold.
  std::string summary() const;

 private:
  Path source_;
  std::vector<SourceFolder> folders_;      ///< level by level
  std::map<Path, std::size_t> positions_;  ///< in folders_
};

}  // namespace tagalign::data
