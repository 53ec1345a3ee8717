/// Which files lie in a folder of images or label maps: the one walk for evaluation, check and converter.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::data {

/// What file managers and archivers leave behind: __MACOSX, .DS_Store, ._NAME, Thumbs.db,
/// desktop.ini and everything else that is hidden.
bool is_junk(std::string_view name);
/// `name` ends in `suffix`, capitals or not: "A_LabelIds.PNG" in "_labelids.png".
bool ends_like(std::string_view name, std::string_view suffix);

/// What follows NAME.
struct Endings {
  std::vector<std::string> suffixes;
  bool any_case = false;

  /// The characters of `file` that the suffix takes; 0: none fits, or nothing is left for NAME.
  std::size_t match(std::string_view file) const;
};
/// .jpg, .jpeg and .png, in capitals too: what a folder without a suffix of its own may hold.
Endings usual_image_endings();

/// Paths below the folder, with '/' whatever lies in subfolders.
struct FolderFiles {
  std::map<std::string, std::string> by_name;  ///< NAME → file
  std::vector<std::string> others;             ///< files with another ending
  /// Files of a NAME that has one already, and that one: "a.png" beside "a.jpg".
  std::vector<std::pair<std::string, std::string>> doubles;
};

/// Walks all subfolders, also through links; junk (is_junk) does not count. kInvalidArgument where
/// folders nest deeper than 16: a link that leads back.
Result<FolderFiles> list_folder(FileSystem& files, const Path& folder, const Endings& endings);

}  // namespace tagalign::data
