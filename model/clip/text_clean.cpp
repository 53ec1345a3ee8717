#include "model/clip/text_clean.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>

#include "base/status.h"
#include "model/clip/html_entities.h"

namespace tagalign::model {
namespace {

constexpr std::uint8_t kPythonUnicodeMajor = 13;

bool in(char32_t c, char32_t low, char32_t high) {
  return c >= low && c <= high;
}

/// Python's str.isspace().
bool is_space(char32_t c) {
  return in(c, 0x09, 0x0D) || in(c, 0x1C, 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         in(c, 0x2000, 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

icu::UnicodeString to_icu(std::u32string_view text) {
  static_assert(sizeof(UChar32) == sizeof(char32_t));
  return icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(text.data()),
                                       static_cast<std::int32_t>(text.size()));
}

std::u32string from_icu(const icu::UnicodeString& text) {
  std::u32string result;
  for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) {
    result.push_back(static_cast<char32_t>(text.char32At(i)));
  }
  return result;
}

std::u32string normalized(std::u32string_view text, const icu::Normalizer2* (*form)(UErrorCode&)) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = form(error);
  const icu::UnicodeString result = normalizer->normalize(to_icu(text), error);
  TA_CHECK(U_SUCCESS(error), u_errorName(error));
  return from_icu(result);
}

std::u32string nfc(std::u32string_view text) {
  if (std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0x300; })) {
    return std::u32string(text);  // nothing composes or decomposes below the combining marks
  }
  return normalized(text, icu::Normalizer2::getNFCInstance);
}

struct Replacement {
  char32_t from;
  std::u32string_view to;
};
constexpr Replacement kLigatures[] = {
    {0x132, U"IJ"},  {0x133, U"ij"},  {0x149, U"ʼn"},  {0x1C4, U"DŽ"},   {0x1C5, U"Dž"},
    {0x1C6, U"dž"},  {0x1C7, U"LJ"},  {0x1C8, U"Lj"},  {0x1C9, U"lj"},   {0x1CA, U"NJ"},
    {0x1CB, U"Nj"},  {0x1CC, U"nj"},  {0x1F1, U"DZ"},  {0x1F2, U"Dz"},   {0x1F3, U"dz"},
    {0xFB00, U"ff"}, {0xFB01, U"fi"}, {0xFB02, U"fl"}, {0xFB03, U"ffi"}, {0xFB04, U"ffl"},
    {0xFB05, U"ſt"}, {0xFB06, U"st"}};

bool is_removed_control(char32_t c) {
  return in(c, 0x00, 0x08) || c == 0x0B || in(c, 0x0E, 0x1F) || c == 0x7F ||
         in(c, 0x206A, 0x206F) || c == 0xFEFF || in(c, 0xFFF9, 0xFFFC);
}

/// ftfy's replacements that look at one character only. A quote that a step makes is seen by the
/// next one.
void append_repaired(std::u32string& result, char32_t c) {
  if (in(c, 0x80, 0x9F)) c = kWindows1252HighControls[c - 0x80];
  if (c < 0x80) {
    result.push_back(c);
  } else if (c == 0x02BC || in(c, 0x2018, 0x201B)) {
    result.push_back(U'\'');
  } else if (in(c, 0x201C, 0x201F)) {
    result.push_back(U'"');
  } else if (c == 0x3000) {
    result.push_back(U' ');
  } else if (in(c, 0xFF01, 0xFFEF)) {
    result.append(normalized({&c, 1}, icu::Normalizer2::getNFKCInstance));
  } else if (const auto* found = std::find_if(std::begin(kLigatures), std::end(kLigatures),
                                              [c](const Replacement& r) { return r.from == c; });
             found != std::end(kLigatures)) {
    result.append(found->to);
  } else {
    result.push_back(c);
  }
}

/// "\r\n", "\r", U+0085, U+2028 and U+2029 become "\n".
std::u32string fix_line_breaks(std::u32string_view text) {
  std::u32string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (c == U'\r' && i + 1 < text.size() && text[i + 1] == U'\n') continue;
    const bool line_break = c == U'\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
    result.push_back(line_break ? U'\n' : c);
  }
  return result;
}

/// Length of a terminal escape "\x1B[…letter" at the start of `text`, or 0.
std::size_t terminal_escape_length(std::u32string_view text) {
  if (!text.starts_with(U"\x1B[")) return 0;
  std::size_t i = 2;
  while (i < text.size() && (in(text[i], U'0', U'9') || text[i] == U';')) ++i;
  const bool letter = i < text.size() && in(text[i] | 0x20, U'a', U'z');
  return letter ? i + 1 : 0;
}

std::u32string remove_controls(std::u32string_view text) {
  std::u32string result;
  while (!text.empty()) {
    const std::size_t escape = terminal_escape_length(text);
    if (escape == 0 && !is_removed_control(text[0])) result.push_back(text[0]);
    text.remove_prefix(std::max<std::size_t>(escape, 1));
  }
  return result;
}

std::u32string repair_line(std::u32string line) {
  const bool markup = line.find(U'<') != std::u32string::npos;
  while (true) {
    std::u32string fixed = markup ? line : unescape_html_strict(line);
    std::u32string replaced;
    for (char32_t c : fixed) append_repaired(replaced, c);
    fixed = nfc(remove_controls(fix_line_breaks(replaced)));
    if (fixed == line) return fixed;
    line = std::move(fixed);
  }
}

bool has_property(char32_t c, UProperty property) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), property) != 0;
}

/// Unicode's Final_Sigma condition: a cased letter before, none after, case-ignorable characters
/// skipped.
bool is_final_sigma(std::u32string_view text, std::size_t at) {
  std::size_t before = at;
  while (before > 0 && has_property(text[before - 1], UCHAR_CASE_IGNORABLE)) --before;
  if (before == 0 || !has_property(text[before - 1], UCHAR_CASED)) return false;
  std::size_t after = at + 1;
  while (after < text.size() && has_property(text[after], UCHAR_CASE_IGNORABLE)) ++after;
  return after == text.size() || !has_property(text[after], UCHAR_CASED);
}

bool known_to_python(char32_t c) {
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(c), age);
  return age[0] <= kPythonUnicodeMajor;
}

}  // namespace

std::u32string decode_utf8(std::string_view bytes) {
  std::u32string text;
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  for (std::size_t i = 0; i < bytes.size();) {
    UChar32 c = 0;
    U8_NEXT_OR_FFFD(data, i, bytes.size(), c);
    text.push_back(static_cast<char32_t>(c));
  }
  return text;
}

std::string encode_utf8(std::u32string_view text) {
  std::string bytes;
  for (char32_t c : text) {
    std::array<char, U8_MAX_LENGTH> buffer{};
    std::size_t length = 0;
    U8_APPEND_UNSAFE(buffer.data(), length, c);
    bytes.append(buffer.data(), length);
  }
  return bytes;
}

std::u32string repair_text(std::u32string_view text) {
  std::u32string result;
  while (!text.empty()) {
    const std::size_t newline = text.find(U'\n');
    const std::size_t length = newline == std::u32string_view::npos ? text.size() : newline + 1;
    result.append(repair_line(std::u32string(text.substr(0, length))));
    text.remove_prefix(length);
  }
  return result;
}

std::u32string collapse_space(std::u32string_view text) {
  std::u32string result;
  for (char32_t c : text) {
    if (!is_space(c)) {
      result.push_back(c);
    } else if (!result.empty() && result.back() != U' ') {
      result.push_back(U' ');
    }
  }
  if (!result.empty() && result.back() == U' ') result.pop_back();
  return result;
}

std::u32string lower_case(std::u32string_view text) {
  std::u32string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (c == 0x130) {
      result.append(U"i\u0307");
    } else if (c == 0x3A3) {
      result.push_back(is_final_sigma(text, i) ? 0x3C2 : 0x3C3);
    } else {
      const auto lower = static_cast<char32_t>(u_tolower(static_cast<UChar32>(c)));
      result.push_back(lower != c && known_to_python(c) ? lower : c);
    }
  }
  return result;
}

std::u32string clean_text(std::string_view bytes) {
  const std::u32string repaired = repair_text(decode_utf8(bytes));
  return lower_case(collapse_space(unescape_html(unescape_html(repaired))));
}

}  // namespace tagalign::model
