/// In which script a caption is written. For a language one would need its words: Latin may be
/// English, French or Vietnamese.
#pragma once

#include <cstdint>
#include <string_view>

namespace tagalign::data {

enum class Script : std::uint8_t {
  kLatin,
  kChinese,   ///< Han or Bopomofo, without kana
  kJapanese,  ///< kana, with Han or without
  kKorean,
  kCyrillic,
  kArabic,
  kOther,
  kNone,  ///< no letters
};

struct ScriptOfText {
  Script script = Script::kNone;  ///< of most of its letters; of equally many the first above
  bool has_chinese = false;       ///< a character of U+4E00 … U+9FFF
};

/// By Unicode's scripts, as ICU knows them. What is no UTF-8 is passed over.
ScriptOfText script_of(std::string_view text);
/// "Latin", …, "other", "none".
std::string_view script_name(Script script);

}  // namespace tagalign::data
