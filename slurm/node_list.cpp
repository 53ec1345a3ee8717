#include "slurm/node_list.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "base/format.h"
#include "slurm/text.h"

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

/// "01-03" → 01, 02, 03; the width of the first number is kept.
Result<std::vector<std::string>> expand_range(std::string_view range, std::string_view whole) {
  const auto dash = range.find('-');
  const std::string_view low_text = range.substr(0, dash);
  const auto low = parse_number<std::uint64_t>(low_text);
  const auto high =
      dash == std::string_view::npos ? low : parse_number<std::uint64_t>(range.substr(dash + 1));
  if (!low || !high) return bad(whole, "a range is not made of numbers");
  if (*high < *low || *high - *low >= kNodesMax)
    return bad(whole, "a range is backwards or too long");
  std::vector<std::string> numbers;
  for (std::uint64_t number = *low; number <= *high; ++number)
    numbers.push_back(format("{:0{}}", number, low_text.size()));
  return numbers;
}

/// "01-03,07" → 01, 02, 03, 07.
Result<std::vector<std::string>> expand_ranges(std::string_view ranges, std::string_view whole) {
  std::vector<std::string> numbers;
  for (const std::string_view range : split(ranges, ',')) {
    TA_ASSIGN_OR_RETURN(auto expanded, expand_range(range, whole));
    std::ranges::move(expanded, std::back_inserter(numbers));
  }
  return numbers;
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
