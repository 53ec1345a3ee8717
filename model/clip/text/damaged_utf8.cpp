#include "model/clip/text/damaged_utf8.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <cstdint>

#include "model/clip/text/encodings.h"

namespace tagalign::model {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kGraveA = "\xC3\xA0";

/// Byte i of `bytes`, or 0 behind the end: no sequence asks for a 0.
std::uint8_t at(std::string_view bytes, std::size_t i) {
  return i < bytes.size() ? static_cast<std::uint8_t>(bytes[i]) : std::uint8_t{0};
}
bool between(std::uint8_t byte, int low, int high) {
  return byte >= low && byte <= high;
}
bool is_trail(std::uint8_t byte) {
  return between(byte, 0x80, 0xBF);
}
/// A continuation byte beside a lost 0xA0 in three bytes: no 0xA0 itself, and no 0x85,
/// which is an ellipsis.
bool is_plain_trail(std::uint8_t byte) {
  return is_trail(byte) && byte != 0x85 && byte != 0xA0;
}

/// Length of a sequence at the start of `bytes` that one 0xA0 for its space would complete, or 0.
std::size_t spaced_length(std::string_view bytes) {
  constexpr std::string_view kTwoByteLeads = "\xC2\xC3\xC5\xCE\xD0\xD9";
  const std::uint8_t lead = at(bytes, 0), b1 = at(bytes, 1), b2 = at(bytes, 2), b3 = at(bytes, 3);
  if (kTwoByteLeads.find(static_cast<char>(lead)) != std::string_view::npos) {
    return b1 == ' ' ? 2 : 0;
  }
  if (between(lead, 0xE0, 0xE3)) {
    if (b1 == ' ' && lead >= 0xE2 && is_plain_trail(b2)) return 3;
    return is_plain_trail(b1) && b2 == ' ' ? 3 : 0;
  }
  if (lead != 0xF0) return 0;
  const int spaces = (b1 == ' ') + (b2 == ' ') + (b3 == ' ');
  const int trails = is_trail(b1) + is_trail(b2) + is_trail(b3);
  return spaces == 1 && trails == 2 ? 4 : 0;
}

/// "Ã " where a word "à" is meant: not before a second space or the end of a Portuguese word.
bool is_lone_grave_a(std::string_view bytes) {
  if (!bytes.starts_with("\xC3 ")) return false;
  bytes.remove_prefix(2);
  for (const std::string_view ending : {" ", "quele", "quela", "quilo", "s "}) {
    if (bytes.starts_with(ending)) return false;
  }
  return true;
}

/// Whether the `count` bytes after the lead are continuations of which at least one is lost, at
/// most one to a question mark.
bool lost_trail(std::string_view bytes, std::size_t count) {
  int lost = 0, questions = 0;
  for (std::size_t i = 1; i <= count; ++i) {
    const std::uint8_t byte = at(bytes, i);
    if (byte == '?') {
      ++questions;
    } else if (byte == kLostByte) {
      ++lost;
    } else if (!is_trail(byte)) {
      return false;
    }
  }
  return questions <= 1 && lost + questions > 0;
}

/// A surrogate pair in six bytes with a lost last byte in one half or both.
bool lost_surrogates(std::string_view bytes) {
  const auto state = [](std::uint8_t byte) {
    return byte == '?' || byte == kLostByte ? 1 : is_trail(byte) ? 0 : 2;
  };
  const bool pair = at(bytes, 0) == 0xED && between(at(bytes, 1), 0xA0, 0xAF) &&
                    at(bytes, 3) == 0xED && between(at(bytes, 4), 0xB0, 0xBF);
  const int high = state(at(bytes, 2)), low = state(at(bytes, 5));
  return pair && high < 2 && low < 2 && high + low > 0;
}

/// Length of a sequence at the start of `bytes` that lost some of its bytes, or 0.
std::size_t lossy_length(std::string_view bytes) {
  const std::uint8_t lead = at(bytes, 0), next = at(bytes, 1);
  if (lead == kLostByte) return 1;
  if (between(lead, 0xC2, 0xDF)) {
    return next == kLostByte || (next == '?' && lead <= 0xC3) ? 2 : 0;
  }
  if (lost_surrogates(bytes)) return 6;
  if (between(lead, 0xE0, 0xEF)) return lost_trail(bytes, 2) ? 3 : 0;
  if (between(lead, 0xF0, 0xF4)) return lost_trail(bytes, 3) ? 4 : 0;
  return 0;
}

struct Character {
  char32_t value = 0;
  std::size_t length = 0;  ///< 0: none here
};

/// C0 80. The reference's pattern also takes a line feed that ends the text for the second byte.
Character java_zero(std::string_view bytes) {
  return bytes.starts_with("\xC0\x80") || bytes == "\xC0\n" ? Character{U'\0', 2} : Character{};
}

/// A surrogate pair in six bytes, the last of which may be a line feed as above.
Character cesu_pair(std::string_view bytes) {
  const std::uint8_t last = at(bytes, 5);
  const bool pair = at(bytes, 0) == 0xED && between(at(bytes, 1), 0xA0, 0xAF) &&
                    is_trail(at(bytes, 2)) && at(bytes, 3) == 0xED &&
                    between(at(bytes, 4), 0xB0, 0xBF) &&
                    (is_trail(last) || (last == '\n' && bytes.size() == 6));
  if (!pair) return {};
  const char32_t value = static_cast<char32_t>((at(bytes, 1) & 0x0F) << 16) +
                         static_cast<char32_t>((at(bytes, 2) & 0x3F) << 10) +
                         static_cast<char32_t>((at(bytes, 4) & 0x0F) << 6) + (last & 0x3Fu);
  return {0x10000 + value, 6};
}

Character variant(std::string_view bytes) {
  if (at(bytes, 0) == 0xC0) return java_zero(bytes);
  return at(bytes, 0) == 0xED ? cesu_pair(bytes) : Character{};
}

}  // namespace

std::string restore_no_break_spaces(std::string bytes) {
  std::string words;
  words.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (is_lone_grave_a(std::string_view(bytes).substr(i))) {
      words.append(kGraveA);  // the space follows by itself
    } else {
      words.push_back(bytes[i]);
    }
  }
  for (std::size_t i = 0; i < words.size();) {
    const std::size_t length = spaced_length(std::string_view(words).substr(i));
    const auto start = words.begin() + static_cast<std::ptrdiff_t>(i);
    std::replace(start, start + static_cast<std::ptrdiff_t>(length), ' ', '\xA0');
    i += std::max<std::size_t>(length, 1);
  }
  return words;
}

std::string replace_lossy_sequences(std::string bytes) {
  if (bytes.find_first_of("\x1A?") == std::string::npos) return bytes;
  std::string result;
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t length = lossy_length(std::string_view(bytes).substr(i));
    if (length > 0) {
      result.append(kReplacement);
    } else {
      result.push_back(bytes[i]);
    }
    i += std::max<std::size_t>(length, 1);
  }
  return result;
}

std::optional<std::u32string> decode_utf8_variants(std::string_view bytes) {
  std::u32string text;
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  for (std::size_t i = 0; i < bytes.size();) {
    if (const Character found = variant(bytes.substr(i)); found.length > 0) {
      text.push_back(found.value);
      i += found.length;
      continue;
    }
    UChar32 c = 0;
    U8_NEXT(data, i, bytes.size(), c);
    if (c < 0) return std::nullopt;
    text.push_back(static_cast<char32_t>(c));
  }
  return text;
}

}  // namespace tagalign::model
