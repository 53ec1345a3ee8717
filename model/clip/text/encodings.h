/// Single-byte encodings by which UTF-8 is commonly misread, as lenient as the programs that do it.
///
/// The tables are ICU's. A byte that an encoding leaves open stands for the character of the same
/// number, as in Latin-1; in the Windows encodings byte 0x1A stands for U+FFFD, so that a byte
/// which a stricter reader lost keeps a place (ftfy 6.3.1 calls these encodings "sloppy").
/// Immutable; for any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tagalign::model {

/// In the order in which a repair tries them.
enum class Encoding : std::uint8_t {
  kLatin1,
  kWindows1252,
  kWindows1251,
  kWindows1250,
  kWindows1253,
  kWindows1254,
  kWindows1257,
  kLatin2,
  kMacRoman,
  kCodePage437,
};
constexpr int kEncodings = 10;

constexpr bool is_windows(Encoding encoding) {
  return encoding >= Encoding::kWindows1252 && encoding <= Encoding::kWindows1257;
}

/// Stands for U+FFFD in the Windows encodings.
constexpr char kLostByte = '\x1A';

char32_t decode_byte(Encoding encoding, std::uint8_t byte);

/// Bit i: encoding number i has every character of the text.
using EncodingSet = std::uint16_t;
EncodingSet encodings_of(std::u32string_view text);
constexpr bool contains(EncodingSet set, Encoding encoding) {
  return (set >> static_cast<int>(encoding) & 1) != 0;
}

/// One byte a character; encodings_of(text) contains `encoding`.
std::string encode(std::u32string_view text, Encoding encoding);

}  // namespace tagalign::model
