/// Pieces that the readers of Slurm's output are made of. Pure.
#pragma once

#include <charconv>
#include <optional>
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

/// One part more than there are separators; the parts point into `text`.
std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace tagalign::slurm
