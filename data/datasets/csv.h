/// Comma-separated tables as RFC 4180 writes them: quoted fields may hold commas, doubled
/// quotes and line breaks.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tagalign::data {

/// Reads one record after the other. Borrows `text`. Empty lines are skipped; lines end
/// in LF or CRLF.
class CsvReader {
 public:
  explicit CsvReader(std::string_view text);

  /// The next record, nothing at the end; kInvalidArgument for a quote that is never closed or text
  /// after a closing quote. Messages start with the line number, "12: …".
  Result<std::optional<std::vector<std::string>>> next();
  /// Line, from 1, on which the record returned last began.
  std::size_t line() const { return record_line_; }

 private:
  Status read_quoted(std::string& field);

  std::string_view text_;
  std::size_t position_ = 0;
  std::size_t line_ = 1;
  std::size_t record_line_ = 0;
};

/// The text with every byte that is not part of valid UTF-8 replaced by U+FFFD; adds
/// their number to `replaced`.
std::string repair_utf8(std::string_view text, std::size_t& replaced);

}  // namespace tagalign::data
