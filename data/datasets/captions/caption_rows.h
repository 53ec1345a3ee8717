/// Rows of a file of captions, one after the other, whatever its form.
///
/// Told by the first line, not by the name: a CSV whose header names the columns `file` and
/// `caption`; CC12M's TSV, `url<TAB>caption` without header; JSON lines
/// {"id"|"key"|"file", "url", "caption"}. A large file is mapped, never held.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/datasets/captions/caption_row.h"
#include "data/datasets/captions/csv_captions.h"
#include "data/datasets/captions/line_captions.h"
#include "data/datasets/captions/table_text.h"

namespace tagalign::data {

/// One thread.
class CaptionRows {
 public:
  /// kInvalidArgument with the forms when it is none of them, and for UTF-16.
  static Result<CaptionRows> open(FileSystem& files, const Path& path);

  /// The next row, nothing at the end. Errors of a CSV: CsvCaptions::next().
  Result<std::optional<CaptionRow>> next();
  bool is_csv() const { return std::holds_alternative<CsvCaptions>(reader_); }
  /// What was left out so far.
  BrokenLines broken() const;
  /// What was kept of a CSV file, and hardly says what its writer meant (CsvReader::is_odd).
  BrokenLines odd_quotes() const;
  /// What a person should know of the rows read so far, a line each.
  std::vector<std::string> notices() const;
  std::uint64_t bytes_read() const;
  std::uint64_t bytes_total() const { return table_->text().size(); }

 private:
  using Reader = std::variant<CsvCaptions, LineCaptions>;
  CaptionRows(std::shared_ptr<const TableText> table, Reader reader)
      : table_(std::move(table)), reader_(std::move(reader)) {}

  std::shared_ptr<const TableText> table_;
  Reader reader_;
};

}  // namespace tagalign::data
