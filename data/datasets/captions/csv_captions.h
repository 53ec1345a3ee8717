/// Captions of a CSV file, row by row. For data/ only; others use data/datasets/caption_dataset.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/datasets/captions/caption_row.h"
#include "data/datasets/csv.h"

namespace tagalign::data {

/// Lines of one kind: how many, and the first of them.
class NotedLines {
 public:
  void add(std::size_t line) {
    constexpr std::size_t kLinesNamed = 10;
    if (++count_ <= kLinesNamed) first_.push_back(line);
  }
  std::size_t count() const { return count_; }
  std::size_t first() const { return first_.front(); }
  /// "line 4", "lines 4, 9, 12 and 3 more".
  std::string named() const;

 private:
  std::size_t count_ = 0;
  std::vector<std::size_t> first_;
};

/// Columns `file` and `caption` by the names in the first line, others are passed over. Rows with
/// another number of columns, or without a file, are left out and counted. One thread.
class CsvCaptions {
 public:
  /// Borrows the text. `path` begins messages. kInvalidArgument when a column is missing.
  static Result<CsvCaptions> open(std::string_view text, const std::string& path);

  /// The next row, nothing at the end. kInvalidArgument, naming lines: a quote that is never closed;
  /// at the end, when more than one row in a hundred was left out.
  Result<std::optional<CaptionRow>> next();
  /// What a person should know of the rows read so far, a line each.
  std::vector<std::string> notices() const;
  /// The rows that were left out.
  BrokenLines broken() const;
  /// Rows that were kept all the same: CsvReader::is_odd().
  BrokenLines odd_quotes() const;
  std::size_t bytes_left() const { return csv_.bytes_left(); }

 private:
  struct Columns {
    std::size_t file = 0;
    std::size_t caption = 1;
    std::size_t count = 2;
  };

  CsvCaptions(std::string_view text, std::string path) : csv_(text), path_(std::move(path)) {}
  Result<Columns> read_header();
  std::optional<CaptionRow> take(std::vector<std::string>& fields);
  Status judge() const;
  std::string expected() const;

  CsvReader csv_;
  std::string path_;
  Columns columns_;
  std::size_t rows_ = 0;
  NotedLines uneven_;  ///< another number of columns than the header, or no file name
  NotedLines odd_;     ///< CsvReader::is_odd()
  std::string first_uneven_;
};

}  // namespace tagalign::data
