/// Unicode as the reference's Python 3.9 sees it (Unicode 13), on top of ICU.
///
/// Characters that Unicode took up later have no case, no digits and no normal form here. All
/// functions are pure and may be called from any thread.
#pragma once

#include <string>
#include <string_view>

namespace tagalign::model {

/// Bytes that are not UTF-8 become U+FFFD, one for each maximal ill-formed part.
std::u32string decode_utf8(std::string_view bytes);
std::string encode_utf8(std::u32string_view text);

bool is_ascii(std::u32string_view text);
inline bool in_range(char32_t c, char32_t low, char32_t high) {
  return c >= low && c <= high;
}

bool is_space(char32_t c);          ///< str.isspace()
bool is_word(char32_t c);           ///< \w of module re: str.isalnum() or an underscore
bool is_decimal_digit(char32_t c);  ///< str.isdecimal()

std::u32string lower_case(std::u32string_view text);  ///< str.lower()
std::u32string upper_case(std::u32string_view text);  ///< str.upper()

/// Normal form C, in O(n log n) for any text.
std::u32string nfc(std::u32string_view text);
/// Normal form KC of one character.
std::u32string nfkc(char32_t c);

}  // namespace tagalign::model
