/// Captions from a CSV file. For data/datasets; others use data/datasets/caption_dataset.h.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/datasets/caption_dataset.h"

namespace tagalign::data {

struct CaptionTable {
  std::vector<CaptionRecord> records;  ///< in the file's order, without tags
  std::vector<std::string> notices;    ///< what a person should know, a line each
};

/// Columns `file` and `caption` by the names in the first line, others are passed over. Rows with
/// another number of columns, or without a file, are left out and counted; kInvalidArgument when
/// they are more than one in a hundred, when a column is missing, and for UTF-16. Messages name the
/// file and up to ten lines.
Result<CaptionTable> read_captions(FileSystem& files, const Path& path);

}  // namespace tagalign::data
