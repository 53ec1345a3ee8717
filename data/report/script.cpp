#include "data/report/script.h"

#include <unicode/uscript.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace tagalign::data {
namespace {

constexpr std::size_t kScripts = static_cast<std::size_t>(Script::kNone);
constexpr std::array<std::string_view, kScripts + 1> kNames{
    "Latin", "Chinese", "Japanese", "Korean", "Cyrillic", "Arabic", "other", "none"};

/// kNone for signs, digits and blanks, which all scripts share.
Script script_of_point(UChar32 point) {
  UErrorCode error = U_ZERO_ERROR;
  switch (uscript_getScript(point, &error)) {
    case USCRIPT_LATIN:
      return Script::kLatin;
    case USCRIPT_HAN:
    case USCRIPT_BOPOMOFO:
      return Script::kChinese;
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
      return Script::kJapanese;
    case USCRIPT_HANGUL:
      return Script::kKorean;
    case USCRIPT_CYRILLIC:
      return Script::kCyrillic;
    case USCRIPT_ARABIC:
      return Script::kArabic;
    case USCRIPT_COMMON:
    case USCRIPT_INHERITED:
    case USCRIPT_UNKNOWN:
      return Script::kNone;
    default:
      return Script::kOther;
  }
}

bool is_ascii_letter(UChar32 point) {
  return (point >= 'a' && point <= 'z') || (point >= 'A' && point <= 'Z');
}

}  // namespace

ScriptOfText script_of(std::string_view text) {
  ScriptOfText found;
  std::array<std::size_t, kScripts + 1> letters{};
  const auto count = [&](Script script) -> std::size_t& {
    return letters[static_cast<std::size_t>(script)];
  };
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    UChar32 point = 0;
    U8_NEXT(bytes, i, text.size(), point);
    if (point < 0) continue;
    if (point >= 0x4e00 && point <= 0x9fff) found.has_chinese = true;
    if (point >= 0x80)
      ++count(script_of_point(point));
    else if (is_ascii_letter(point))
      ++count(Script::kLatin);
  }
  // Japanese writes Han too: one kana makes it Japanese, for Chinese has none.
  if (count(Script::kJapanese) > 0)
    count(Script::kJapanese) += std::exchange(count(Script::kChinese), 0);
  const auto end = letters.begin() + kScripts;
  const auto most = std::max_element(letters.begin(), end);
  if (*most > 0) found.script = static_cast<Script>(std::distance(letters.begin(), most));
  return found;
}

std::string_view script_name(Script script) {
  return kNames[static_cast<std::size_t>(script)];
}

}  // namespace tagalign::data
