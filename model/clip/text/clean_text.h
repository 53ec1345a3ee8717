/// What CLIP does to a text before splitting it: repair (ftfy 6.3.1's fix_text with its default
/// options), HTML references, white space, lower case (Python 3.9's, Unicode 13).
///
/// Pure functions for any thread. Time is bounded: see kRepairPasses. Plain ASCII
/// takes a short way.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tagalign::model {

/// Work on one text, in characters times passes: kRepairPasses over the whole, at least
/// kRepairWorkMin. What is not repaired then stays. Ordinary text takes two to six passes; in a
/// hostile one every pass repairs a single character, and the reference goes on to the end.
constexpr std::size_t kRepairPasses = 8;
constexpr std::size_t kRepairWorkMin = 4'000'000;

/// Line by line and until nothing changes: strict HTML references (until a line holds a
/// "<"), mojibake, C1 controls, ligatures, width, quotes, line breaks, terminal escapes,
/// control characters, normal form C. UTF-8 holds no surrogates, so that ftfy's repair of
/// them has no part here.
std::u32string repair_text(std::u32string_view text);

/// Runs of white space become one space; none at the ends.
std::u32string collapse_space(std::u32string_view text);

/// All of it, in CLIP's order. Bytes that are not UTF-8 become U+FFFD.
std::u32string clean_text(std::string_view bytes);

}  // namespace tagalign::model
