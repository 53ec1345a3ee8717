#include "worker/agent/gangs/last_words.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/format.h"
#include "base/utf8.h"

namespace tagalign::agent {
namespace {

constexpr std::uint64_t kBytesRead = 16 << 10;
constexpr std::size_t kBytesShown = 600;

/// mpirun frames its messages with lines of dashes.
bool is_ruler(std::string_view line) {
  return line.find_first_not_of("-=*# \t") == std::string_view::npos;
}

std::string on_one_line(std::string_view line) {
  std::string text(line);
  std::ranges::replace(text, '\t', ' ');
  return printable(text);
}

/// The last bytes of `text`, from a whole character on.
std::string_view end_of(std::string_view text, std::size_t bytes) {
  text.remove_prefix(text.size() - bytes);
  while (!text.empty() && utf8_length(text) == 0) text.remove_prefix(1);
  return text;
}

Result<std::string> read_end(FileSystem& files, const Path& log) {
  TA_ASSIGN_OR_RETURN(const std::uint64_t size, files.file_size(log));
  const std::uint64_t length = std::min(size, kBytesRead);
  std::string text(length, '\0');
  TA_RETURN_IF_ERROR(files.read_range(log, size - length, std::as_writable_bytes(std::span(text))));
  return text;
}

}  // namespace

std::string last_lines(std::string_view text) {
  std::string shown;
  while (!text.empty() && shown.size() < kBytesShown) {
    const std::size_t before = text.rfind('\n');
    std::string_view line = before == std::string_view::npos ? text : text.substr(before + 1);
    text = before == std::string_view::npos ? "" : text.substr(0, before);
    while (line.ends_with('\r')) line.remove_suffix(1);
    if (is_ruler(line)) continue;
    shown = on_one_line(line) + (shown.empty() ? "" : " | ") + shown;
  }
  if (shown.size() <= kBytesShown) return shown;
  return format("…{}", end_of(shown, kBytesShown));
}

std::string last_words(FileSystem& files, const Path& log) {
  const auto text = read_end(files, log);
  if (!text.ok()) return format("cannot be read: {}", text.status().message());
  const std::string shown = last_lines(*text);
  return shown.empty() ? "is empty" : format("ends: {}", shown);
}

}  // namespace tagalign::agent
