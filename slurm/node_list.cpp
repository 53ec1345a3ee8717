#include "slurm/node_list.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/format.h"

namespace tagalign::slurm {
namespace {

constexpr std::size_t kNodesMax = 65'536;

Status bad(std::string_view text, std::string_view why) {
  return invalid_argument(
      format("expanding the node list '{}': {}; expected e.g. node[01-03,07],login1", text, why));
}

/// Splits at commas outside brackets.
Result<std::vector<std::string_view>> split_names(std::string_view text) {
  std::vector<std::string_view> names;
  std::size_t begin = 0;
  bool inside = false;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    const char c = at < text.size() ? text[at] : ',';
    if ((c == '[' && inside) || (c == ']' && !inside)) return bad(text, "brackets do not match");
    if (c == '[') inside = true;
    if (c == ']') inside = false;
    if (c != ',' || (inside && at < text.size())) continue;
    if (inside) return bad(text, "a bracket is not closed");
    if (at == begin) return bad(text, "a name is empty");
    names.push_back(text.substr(begin, at - begin));
    begin = at + 1;
  }
  return names;
}

bool parse_number(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

/// "01-03,07" → 01, 02, 03, 07; the width of the first number is kept.
Result<std::vector<std::string>> expand_ranges(std::string_view ranges, std::string_view whole) {
  std::vector<std::string> numbers;
  while (true) {
    const auto comma = ranges.find(',');
    const std::string_view range = ranges.substr(0, comma);
    const auto dash = range.find('-');
    const std::string_view low_text = range.substr(0, dash);
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    if (!parse_number(low_text, low)) return bad(whole, "a range is not made of numbers");
    high = low;
    if (dash != std::string_view::npos && !parse_number(range.substr(dash + 1), high)) {
      return bad(whole, "a range is not made of numbers");
    }
    if (high < low || high - low >= kNodesMax)
      return bad(whole, "a range is backwards or too long");
    for (std::uint64_t number = low; number <= high; ++number) {
      numbers.push_back(format("{:0{}}", number, low_text.size()));
    }
    if (comma == std::string_view::npos) return numbers;
    ranges.remove_prefix(comma + 1);
  }
}

Result<std::vector<std::string>> expand_name(std::string_view name, std::string_view whole) {
  std::vector<std::string> made = {""};
  while (!name.empty()) {
    const auto open = name.find('[');
    for (std::string& text : made) text += name.substr(0, open);
    if (open == std::string_view::npos) break;
    const auto close = name.find(']', open);
    TA_ASSIGN_OR_RETURN(const auto numbers,
                        expand_ranges(name.substr(open + 1, close - open - 1), whole));
    if (made.size() * numbers.size() > kNodesMax) return bad(whole, "it stands for too many nodes");
    std::vector<std::string> longer;
    for (const std::string& text : made) {
      for (const std::string& number : numbers) longer.push_back(text + number);
    }
    made = std::move(longer);
    name.remove_prefix(close + 1);
  }
  return made;
}

}  // namespace

Result<std::vector<std::string>> expand_node_list(std::string_view text) {
  TA_ASSIGN_OR_RETURN(const auto names, split_names(text));
  std::vector<std::string> nodes;
  for (const std::string_view name : names) {
    TA_ASSIGN_OR_RETURN(auto expanded, expand_name(name, text));
    if (nodes.size() + expanded.size() > kNodesMax)
      return bad(text, "it stands for too many nodes");
    std::ranges::move(expanded, std::back_inserter(nodes));
  }
  return nodes;
}

}  // namespace tagalign::slurm
