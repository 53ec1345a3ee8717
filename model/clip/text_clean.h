/// What CLIP does to a text before splitting it: repair (ftfy), HTML references, white space, lower
/// case.
///
/// Of ftfy.fix_text everything but the repair of wrongly decoded text (mojibake) is done. Lower
/// case is Python's str.lower() with its Unicode 13 tables.
#pragma once

#include <string>
#include <string_view>

namespace tagalign::model {

/// Bytes that are not UTF-8 become U+FFFD, one for each maximal ill-formed part.
std::u32string decode_utf8(std::string_view bytes);
std::string encode_utf8(std::u32string_view text);

/// ftfy's steps without mojibake: strict references, C1 controls, ligatures, width, quotes, line
/// breaks, terminal escapes, control characters, NFC; repeated until nothing changes.
std::u32string repair_text(std::u32string_view text);

/// Runs of white space become one space; none at the ends.
std::u32string collapse_space(std::u32string_view text);

std::u32string lower_case(std::u32string_view text);

/// All of it, in CLIP's order.
std::u32string clean_text(std::string_view bytes);

}  // namespace tagalign::model
