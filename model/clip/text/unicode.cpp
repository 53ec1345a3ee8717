#include "model/clip/text/unicode.h"

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>

#include "base/status.h"

namespace tagalign::model {
namespace {

constexpr std::uint8_t kPythonUnicodeMajor = 13;
constexpr char32_t kFirstCombiningMark = 0x300;
/// Longest run of marks that ICU gets unsorted (Unicode's stream-safe bound, UAX #15 section 13).
constexpr std::size_t kMarkRunMax = 30;

UChar32 icu_char(char32_t c) {
  return static_cast<UChar32>(c);
}

icu::UnicodeString to_icu(std::u32string_view text) {
  static_assert(sizeof(UChar32) == sizeof(char32_t));
  return icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(text.data()),
                                       static_cast<std::int32_t>(text.size()));
}

void check(UErrorCode error) {
  TA_CHECK(U_SUCCESS(error), u_errorName(error));
}

std::u32string from_icu(const icu::UnicodeString& text) {
  std::u32string result(static_cast<std::size_t>(text.countChar32()), U'\0');
  UErrorCode error = U_ZERO_ERROR;
  text.toUTF32(reinterpret_cast<UChar32*>(result.data()), static_cast<std::int32_t>(result.size()),
               error);
  check(error);
  return result;
}

bool has_property(char32_t c, UProperty property) {
  return u_hasBinaryProperty(icu_char(c), property) != 0;
}

bool known_to_python(char32_t c) {
  UVersionInfo age;
  u_charAge(icu_char(c), age);
  return age[0] <= kPythonUnicodeMajor;
}

/// Unicode's Final_Sigma condition: a cased letter before, none
/// after, case-ignorable characters skipped.
bool is_final_sigma(std::u32string_view text, std::size_t at) {
  std::size_t before = at;
  while (before > 0 && has_property(text[before - 1], UCHAR_CASE_IGNORABLE)) --before;
  if (before == 0 || !has_property(text[before - 1], UCHAR_CASED)) return false;
  std::size_t after = at + 1;
  while (after < text.size() && has_property(text[after], UCHAR_CASE_IGNORABLE)) ++after;
  return after == text.size() || !has_property(text[after], UCHAR_CASED);
}

using NormalForm = const icu::Normalizer2* (*)(UErrorCode&);
const icu::Normalizer2& normalizer(NormalForm form) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* found = form(error);
  check(error);
  return *found;
}

std::u32string normalized(std::u32string_view text, const icu::Normalizer2& form) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::UnicodeString result = form.normalize(to_icu(text), error);
  check(error);
  return from_icu(result);
}

const icu::UnicodeSet& characters_of_python() {
  static const icu::UnicodeSet* const set = [] {
    UErrorCode error = U_ZERO_ERROR;
    auto* known = new icu::UnicodeSet(UNICODE_STRING_SIMPLE("[:age=13.0:]"), error);
    check(error);
    return known->freeze();
  }();
  return *set;
}

bool has_long_mark_run(std::u32string_view text, const icu::Normalizer2& nfd) {
  std::size_t run = 0;
  for (char32_t c : text) {
    run = c < kFirstCombiningMark || nfd.hasBoundaryBefore(icu_char(c)) ? 0 : run + 1;
    if (run > kMarkRunMax) return true;
  }
  return false;
}

int combining_class(char32_t c) {
  return known_to_python(c) ? u_getCombiningClass(icu_char(c)) : 0;
}

/// Normal form D. ICU orders marks by insertion, which takes quadratic time in a run's length;
/// sorting gives the same order.
std::u32string decomposed(std::u32string_view text, const icu::Normalizer2& nfd) {
  std::u32string result;
  for (char32_t c : text) {
    icu::UnicodeString parts;
    if (known_to_python(c) && nfd.getDecomposition(icu_char(c), parts) != 0) {
      result.append(from_icu(parts));
    } else {
      result.push_back(c);
    }
  }
  const auto is_mark = [](char32_t c) { return combining_class(c) != 0; };
  for (auto start = result.begin(); start != result.end();) {
    start = std::find_if(start, result.end(), is_mark);
    const auto end = std::find_if_not(start, result.end(), is_mark);
    std::stable_sort(start, end, [](char32_t a, char32_t b) {
      return u_getCombiningClass(icu_char(a)) < u_getCombiningClass(icu_char(b));
    });
    start = end;
  }
  return result;
}

}  // namespace

std::u32string decode_utf8(std::string_view bytes) {
  std::u32string text;
  text.reserve(bytes.size());
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
  bytes.reserve(text.size());
  for (char32_t c : text) {
    std::array<char, U8_MAX_LENGTH> buffer{};
    std::size_t length = 0;
    U8_APPEND_UNSAFE(buffer.data(), length, c);
    bytes.append(buffer.data(), length);
  }
  return bytes;
}

bool is_ascii(std::u32string_view text) {
  return std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0x80; });
}

bool is_space(char32_t c) {
  return in_range(c, 0x09, 0x0D) || in_range(c, 0x1C, 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || in_range(c, 0x2000, 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

bool is_word(char32_t c) {
  if (c == U'_') return true;
  const bool letter = (U_MASK(u_charType(icu_char(c))) & U_GC_L_MASK) != 0;
  const bool number = u_getIntPropertyValue(icu_char(c), UCHAR_NUMERIC_TYPE) != U_NT_NONE;
  return (letter || number) && known_to_python(c);
}

bool is_decimal_digit(char32_t c) {
  return u_charType(icu_char(c)) == U_DECIMAL_DIGIT_NUMBER && known_to_python(c);
}

std::u32string lower_case(std::u32string_view text) {
  std::u32string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (c < 0x80) {
      result.push_back(in_range(c, U'A', U'Z') ? c + (U'a' - U'A') : c);
    } else if (c == 0x130) {
      result.append(U"i\u0307");
    } else if (c == 0x3A3) {
      result.push_back(is_final_sigma(text, i) ? 0x3C2 : 0x3C3);
    } else {
      const auto lower = static_cast<char32_t>(u_tolower(icu_char(c)));
      result.push_back(lower != c && known_to_python(c) ? lower : c);
    }
  }
  return result;
}

std::u32string upper_case(std::u32string_view text) {
  return from_icu(to_icu(text).toUpper(icu::Locale::getRoot()));
}

std::u32string nfc(std::u32string_view text) {
  const bool inert =
      std::all_of(text.begin(), text.end(), [](char32_t c) { return c < kFirstCombiningMark; });
  if (inert) return std::u32string(text);
  const icu::Normalizer2& nfd = normalizer(icu::Normalizer2::getNFDInstance);
  const icu::Normalizer2& form = normalizer(icu::Normalizer2::getNFCInstance);
  const std::u32string sorted =
      has_long_mark_run(text, nfd) ? decomposed(text, nfd) : std::u32string(text);
  if (std::all_of(sorted.begin(), sorted.end(), known_to_python)) return normalized(sorted, form);
  return normalized(sorted, icu::FilteredNormalizer2(form, characters_of_python()));
}

std::u32string nfkc(char32_t c) {
  return normalized({&c, 1}, normalizer(icu::Normalizer2::getNFKCInstance));
}

}  // namespace tagalign::model
