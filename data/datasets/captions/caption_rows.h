/// Rows of a file of captions, one after the other.
///
/// Two forms, told by the first line: CSV with the header `file,caption`; and CC12M's TSV,
/// `url<TAB>caption` without a header (one of exactly `url<TAB>caption` is skipped).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/status.h"
#include "data/datasets/captions/table_text.h"
#include "data/datasets/csv.h"

namespace tagalign::data {

struct CaptionRow {
  std::string file;           ///< empty when the row names a URL
  std::string url;            ///< empty when the row names a file
  std::string caption;        ///< valid UTF-8
  std::size_t bad_bytes = 0;  ///< of the caption, that became U+FFFD
};

/// One thread.
class CaptionRows {
 public:
  /// kInvalidArgument with both headers when it is neither form.
  static Result<CaptionRows> open(FileSystem& files, const Path& path);

  /// The next row, nothing at the end. Errors of a CSV name file and line.
  Result<std::optional<CaptionRow>> next();
  bool is_tsv() const { return csv_ == nullptr; }
  /// Lines of a TSV without a tab or without a name: left out.
  std::size_t bad_lines() const { return bad_lines_; }

 private:
  explicit CaptionRows(Path path) : path_(std::move(path)) {}
  Status read_start();
  Result<std::optional<CaptionRow>> next_csv();
  std::optional<CaptionRow> next_tsv();

  Path path_;
  std::shared_ptr<const TableText> table_;
  std::unique_ptr<CsvReader> csv_;
  std::string_view rest_;  ///< of a TSV
  std::size_t bad_lines_ = 0;
};

}  // namespace tagalign::data
