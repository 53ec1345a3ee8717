#include "slurm/text.h"

#include "base/utf8.h"

namespace tagalign::slurm {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kBlanks = " \t\r\v\f";

/// What stands behind the number of a job that is one of several.
bool is_part_of_several(std::string_view text) {
  if (text.starts_with("_[")) return text.ends_with("]");
  const bool marked = text.starts_with("_") || text.starts_with("+");
  return marked && text.size() > 1 && text.find_first_not_of(kDigits, 1) == std::string_view::npos;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::optional<std::uint64_t> parse_job(std::string_view text) {
  const auto end = text.find_first_not_of(kDigits);
  const auto number = parse_number<std::uint64_t>(text.substr(0, end));
  if (!number || *number == 0) return std::nullopt;
  if (end != std::string_view::npos && !is_part_of_several(text.substr(end))) return std::nullopt;
  return number;
}

std::string quotable(std::string_view text, std::size_t bytes_max) {
  return printable(text, bytes_max);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

}  // namespace tagalign::slurm
