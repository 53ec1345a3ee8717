/// Counts in sentences: "1 image", "2 images", and the words that go with them. Pure.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "base/format.h"

namespace tagalign {

/// `one` for 1, `many` for every other number: for_count(n, "is", "are").
constexpr std::string_view for_count(std::integral auto count, std::string_view one,
                                     std::string_view many) {
  return count == 1 ? one : many;
}

/// "1 image", "2 images"; `many` where an s behind `one` is not the plural: "entries".
std::string counted(std::integral auto count, std::string_view one, std::string_view many = {}) {
  if (many.empty()) return format("{} {}{}", count, one, for_count(count, "", "s"));
  return format("{} {}", count, for_count(count, one, many));
}

}  // namespace tagalign
