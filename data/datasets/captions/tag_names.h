/// The names of tags. For data/ only.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::data {

/// One name a line, as a CSV of one column. An index is the number of a line, so an empty line that
/// would shift those behind it is kInvalidArgument; at the end there is nothing to shift.
Result<std::vector<std::string>> read_tag_names(FileSystem& files, const Path& path);

}  // namespace tagalign::data
