#include "data/datasets/captions/tag_names.h"

#include "base/format.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "data/datasets/csv.h"

namespace tagalign::data {

Result<std::vector<std::string>> read_tag_names(FileSystem& files, const Path& path) {
  const std::string what = format("read tag names {}", path.string());
  TA_ASSIGN_OR_RETURN(const std::string text, files.read_file(path, limits::kTableFileBytesMax));
  TA_RETURN_IF_ERROR(check_utf8(text, what));
  CsvReader csv(text, CsvReader::EmptyLines::kReturn);
  std::vector<std::string> names;
  std::size_t empty_line = 0;
  while (true) {
    auto row = csv.next();
    if (!row.ok()) return invalid_argument(format("{}:{}", what, row.status().message()));
    if (!row->has_value()) break;
    const std::vector<std::string>& fields = **row;
    if (fields.size() > 1) {
      return invalid_argument(format("{}:{}: expected one tag a line, found {} columns", what,
                                     csv.line(), fields.size()));
    }
    const bool empty = fields.empty() || fields[0].find_first_not_of(" \t") == std::string::npos;
    if (empty && empty_line == 0) empty_line = csv.line();
    if (empty) continue;
    if (empty_line != 0) {
      return invalid_argument(
          format("{}:{}: expected a tag, found an empty line; remove it, or write the tag whose "
                 "index is its line's",
                 what, empty_line));
    }
    names.push_back(fields[0]);
  }
  if (names.empty())
    return invalid_argument(format("{}: expected one tag a line, found none", what));
  return names;
}

}  // namespace tagalign::data
