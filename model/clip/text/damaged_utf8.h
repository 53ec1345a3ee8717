/// UTF-8 that suffered on its way through a single-byte encoding: what can be put right in its
/// bytes, and a decoder that accepts two common variants.
///
/// Which sequences count as damaged are facts of ftfy 6.3.1 (R. Speer, Apache License 2.0).
/// Pure functions in O(n).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tagalign::model {

/// Puts back bytes 0xA0 that became spaces (a no-break space is often taken for one) where the
/// sequence then encodes a likely character. "Ã" before a space keeps the space and becomes "à",
/// but for the Portuguese words "às", "àquele", "àquela", "àquilo".
std::string restore_no_break_spaces(std::string bytes);

/// Sequences of which kLostByte, or one question mark, replaced continuation bytes become U+FFFD,
/// and so does a lone kLostByte.
std::string replace_lossy_sequences(std::string bytes);

/// Strict UTF-8, but six-byte surrogate pairs (CESU-8) and the two-byte zero C0 80 (Java) are
/// accepted. Nothing when the bytes are neither.
std::optional<std::u32string> decode_utf8_variants(std::string_view bytes);

}  // namespace tagalign::model
