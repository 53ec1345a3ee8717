#include "model/clip/text/mojibake.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "model/clip/text/badness.h"
#include "model/clip/text/char_table.h"
#include "model/clip/text/damaged_utf8.h"
#include "model/clip/text/encodings.h"
#include "model/clip/text/unicode.h"

namespace tagalign::model {
namespace {

/// What bytes a character may stand for when UTF-8 is misread in Latin-1 or a Windows encoding.
struct Role {
  std::uint8_t sequence_length = 0;  ///< 2, 3, 4: of the sequence that it starts; 0: starts none
  bool trail = false;                ///< continues a sequence
  bool distinct_trail = false;       ///< the same, and hardly stands for itself
};

// Trailing characters that ordinary text is full of.
constexpr std::u32string_view kCommonPunctuation = U"–—―‘’‚“”„•…";

std::uint8_t sequence_length(std::uint8_t byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return 2;
  if (byte >= 0xE0 && byte <= 0xEF) return 3;
  return byte == 0xF0 || byte == 0xF3 ? 4 : 0;  // the planes that are in use
}

CharTable<Role> make_roles() {
  CharTable<Role> roles;
  for (int i = 0; i < kEncodings; ++i) {
    const auto encoding = static_cast<Encoding>(i);
    if (encoding != Encoding::kLatin1 && !is_windows(encoding)) continue;
    for (int byte = 0x80; byte <= 0xFF; ++byte) {
      const auto value = static_cast<std::uint8_t>(byte);
      const char32_t c = decode_byte(encoding, value);
      Role& role = roles.at(c);
      role.sequence_length = std::max(role.sequence_length, sequence_length(value));
      if (value > 0xBF) continue;
      role.trail = true;
      role.distinct_trail = kCommonPunctuation.find(c) == std::u32string_view::npos;
    }
  }
  roles.at(U' ').trail = true;  // a no-break space that was taken for a space
  return roles;
}

const Role& role_of(char32_t c) {
  static const CharTable<Role> roles = make_roles();
  return roles[c];
}

std::optional<std::u32string> reread(std::u32string_view text, Encoding encoding) {
  std::string bytes = encode(text, encoding);
  // In Mac Roman a dash before a space would look like damage.
  if (encoding != Encoding::kMacRoman) bytes = restore_no_break_spaces(std::move(bytes));
  if (is_windows(encoding)) bytes = replace_lossy_sequences(std::move(bytes));
  return decode_utf8_variants(bytes);
}

/// Number of characters from `at` on that look like misread sequences without a gap, or 0.
std::size_t misread_length(std::u32string_view text, std::size_t at) {
  if (at > 0 && role_of(text[at - 1]).distinct_trail) return 0;  // inside a larger garble
  std::size_t end = at;
  while (end < text.size()) {
    const std::size_t length = role_of(text[end]).sequence_length;
    if (length == 0 || length > text.size() - end) break;
    const std::u32string_view rest = text.substr(end + 1, length - 1);
    if (!std::all_of(rest.begin(), rest.end(), [](char32_t c) { return role_of(c).trail; })) break;
    end += length;
  }
  return end - at;
}

/// Repairs misread parts by themselves. A part that is the whole text has been tried before.
std::u32string repair_parts(std::u32string_view text, WorkBudget& budget) {
  std::u32string result;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = misread_length(text, i);
    const std::u32string_view part = text.substr(i, std::max<std::size_t>(length, 1));
    if (length > 0 && length < text.size() && looks_garbled(part)) {
      result.append(repair_mojibake(std::u32string(part), budget));
    } else {
      result.append(part);
    }
    i += part.size();
  }
  return result;
}

std::u32string repair_once(const std::u32string& text, WorkBudget& budget) {
  const EncodingSet possible = encodings_of(text);
  for (int i = 0; i < kEncodings; ++i) {
    const auto encoding = static_cast<Encoding>(i);
    if (!contains(possible, encoding)) continue;
    if (auto found = reread(text, encoding)) return *std::move(found);
  }
  std::u32string repaired = repair_parts(text, budget);
  if (repaired == text) {
    std::transform(text.begin(), text.end(), repaired.begin(), repair_control);
  }
  return repaired;
}

}  // namespace

std::u32string repair_mojibake(std::u32string text, WorkBudget& budget) {
  while (looks_garbled(text) && budget.spend(text.size())) {
    std::u32string repaired = repair_once(text, budget);
    if (repaired == text) break;
    text = std::move(repaired);
  }
  return text;
}

char32_t repair_control(char32_t c) {
  return in_range(c, 0x80, 0x9F) ? decode_byte(Encoding::kWindows1252, static_cast<std::uint8_t>(c))
                                 : c;
}

}  // namespace tagalign::model
