#include "worker/agent/gangs/last_words.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/format.h"

namespace tagalign::agent {
namespace {

constexpr std::uint64_t kBytesRead = 16 << 10;
constexpr std::size_t kBytesShown = 600;

/// mpirun frames its messages with lines of dashes.
bool is_ruler(std::string_view line) {
  return line.find_first_not_of("-=*# \t") == std::string_view::npos;
}

std::string without_controls(std::string_view line) {
  std::string plain;
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    const bool shown = (byte >= 0x20 && byte < 0x7f) || c == '\t';
    plain += shown ? std::string(1, c == '\t' ? ' ' : c) : format("\\x{:02x}", byte);
  }
  return plain;
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
    shown = without_controls(line) + (shown.empty() ? "" : " | ") + shown;
  }
  if (shown.size() <= kBytesShown) return shown;
  return "…" + shown.substr(shown.size() - kBytesShown);
}

std::string last_words(FileSystem& files, const Path& log) {
  const auto text = read_end(files, log);
  if (!text.ok()) return format("cannot be read: {}", text.status().message());
  const std::string shown = last_lines(*text);
  return shown.empty() ? "is empty" : format("ends: {}", shown);
}

}  // namespace tagalign::agent
