/// Comma-separated tables, read as Python's csv.reader reads them: quoted fields may hold commas,
/// doubled quotes and line breaks; text behind a closing quote belongs to the field.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tagalign::data {

/// Reads one record after the other. Borrows `text`. Lines end in LF, CRLF or CR; a UTF-8 mark at the
/// start is passed over.
class CsvReader {
 public:
  enum class EmptyLines { kSkip, kReturn };
  explicit CsvReader(std::string_view text, EmptyLines empty_lines = EmptyLines::kSkip);

  /// The next record, nothing at the end; an empty line, where it is returned, has no field at all.
  /// kInvalidArgument for a quote that is never closed and would swallow other lines, which
  /// csv.reader lets happen. Messages start with the line number, "12: …".
  Result<std::optional<std::vector<std::string>>> next();
  /// Line, from 1, on which the record returned last began.
  std::size_t line() const { return record_line_; }
  std::size_t bytes_left() const { return text_.size() - position_; }
  /// The record returned last has text behind a closing quote, or a quote that its line never closes:
  /// hardly what its writer meant.
  bool is_odd() const { return odd_; }

 private:
  bool at_line_end() const;
  void take_line_end();
  Status read_quoted(std::string& field);

  std::string_view text_;
  EmptyLines empty_lines_;
  std::size_t position_ = 0;
  std::size_t line_ = 1;
  std::size_t record_line_ = 0;
  bool odd_ = false;
};

}  // namespace tagalign::data
