/// Pieces that the readers of Slurm's output are made of. Pure.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tagalign::slurm {

/// All of `text`, in decimals; nullopt for anything else, also for what the type does not hold.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Without blanks and a carriage return around it.
std::string_view trimmed(std::string_view text);

/// A job's number as Slurm's programs print it: 123 of "123", of an array "123_4" and "123_[1-9%2]", of
/// a part of several "123+0". nullopt for steps ("123.batch"), 0, and anything else.
std::optional<std::uint64_t> parse_job(std::string_view text);

/// What stands in an error: printable() (base/utf8.h), shortened.
std::string quotable(std::string_view text, std::size_t bytes_max = 200);

/// One part more than there are separators; the parts point into `text`.
std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace tagalign::slurm
