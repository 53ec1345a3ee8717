/// Captions of files with a record a line: CC12M's TSV, and JSON lines. For data/ only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "data/datasets/captions/caption_row.h"

namespace tagalign::data {

/// TSV: `url<TAB>caption`, or a file's name in place of the URL; a first line of exactly these words
/// is skipped. JSON lines: {"id"|"key"|"file", "url", "caption"}, the first of the names that is there.
/// Lines that are broken are counted and left out. One thread.
class LineCaptions {
 public:
  enum class Form { kTsv, kJson };
  /// What the first line shows; nothing for another format.
  static std::optional<Form> form_of(std::string_view text);

  /// Borrows the text. `path` begins messages.
  LineCaptions(std::string_view text, Form form, std::string path);

  /// The next row, nothing at the end.
  std::optional<CaptionRow> next();
  const BrokenLines& broken() const { return broken_; }
  std::size_t bytes_left() const { return rest_.size(); }

 private:
  std::optional<CaptionRow> parse(std::string_view line);

  std::string_view rest_;
  char line_end_;
  Form form_;
  std::string path_;
  std::uint64_t line_ = 0;
  BrokenLines broken_;
};

}  // namespace tagalign::data
