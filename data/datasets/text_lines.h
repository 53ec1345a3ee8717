/// Lines of a small text file.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

namespace tagalign::data {

/// Lines of `text` without LF, CRLF, the blanks around them, and a byte order mark; CR alone ends a line
/// where there is no LF at all. Borrows `text`.
inline std::vector<std::string_view> text_lines(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  constexpr std::string_view kBlanks = " \t\r";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  const char line_end = text.find('\n') == std::string_view::npos ? '\r' : '\n';
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find(line_end);
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    line = line.substr(0, line.find_last_not_of(kBlanks) + 1);
    lines.push_back(line);
  }
  return lines;
}

}  // namespace tagalign::data
