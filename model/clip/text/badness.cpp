#include "model/clip/text/badness.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <bit>
#include <string>

#include "model/clip/text/char_table.h"
#include "model/clip/text/encodings.h"
#include "model/clip/text/unicode.h"

namespace tagalign::model {
namespace {

using Classes = std::uint32_t;
constexpr Classes bit(int index) {
  return Classes{1} << index;
}
constexpr Classes kControl = bit(0);   // U+0080 … U+009F
constexpr Classes kTelltale = bit(1);  // hardly used but in mojibake
constexpr Classes kNeutral = bit(2);   // at home anywhere
constexpr Classes kLegal = bit(3);
constexpr Classes kCurrency = bit(4);
constexpr Classes kOpening = bit(5);  // punctuation before a word
constexpr Classes kClosing = bit(6);  // punctuation after a word
constexpr Classes kNumeric = bit(7);
constexpr Classes kFace = bit(8);  // letters of emoticons
constexpr Classes kUpperAccented = bit(9);
constexpr Classes kLowerAccented = bit(10);
constexpr Classes kUpperForeign = bit(11);  // Greek, Cyrillic, thorn
constexpr Classes kLowerForeign = bit(12);
constexpr Classes kBox = bit(13);
constexpr Classes kAsciiUpper = bit(14);
constexpr Classes kAsciiLower = bit(15);
// Classes of nearly everything: decided when asked, not listed.
constexpr Classes kSpace = bit(16);
constexpr Classes kWord = bit(17);
constexpr Classes kNoAsciiLetter = bit(18);
constexpr Classes kNoNewline = bit(19);
constexpr Classes kOpenEnded = kSpace | kWord | kNoAsciiLetter | kNoNewline;

constexpr Classes kAccented = kUpperAccented | kLowerAccented;
constexpr Classes kAsciiLetter = kAsciiUpper | kAsciiLower;
constexpr Classes kAmount = kCurrency | kNumeric;
constexpr Classes kAround = kOpening | kClosing;

struct Members {
  Classes classes;
  std::u32string_view characters;  // "a-z" is a range
};
constexpr Members kMembers[] = {
    {kControl, U"\u0080-\u009F"},
    {kTelltale, U"¦¤¨¬¯¸ƒˆˇ˘˛˜†‡‰⌐◊\uFFFDªº"},
    {kNeutral, U"\u00A0\u00AD·´–—―…’"},
    {kLegal, U"¶§"},
    {kCurrency, U"¢£¥₧€"},
    {kOpening, U"¡«¿©΄΅‘‚“„•‹\uF8FF"},
    {kClosing, U"®»˝”›™"},
    {kNumeric, U"²³¹±¼½¾×µ÷⁄∂∆∏∑√∞∩∫≈≠≡≤≥№"},
    {kFace, U"Ò-ÖÙ-Üò-öø-üŐŌŪŲ°"},
    {kUpperAccented, U"Ґ"},  // and the Latin letters of latin_class()
    {kLowerAccented, U"ґ\uFB01\uFB02"},
    {kUpperForeign, U"ÞΆΈ-ΊΌΎ-ΏΑ-ΫЁ-Я"},
    {kLowerForeign, U"ά-ωа-џ"},
    {kBox, U"│┌┐┘├┤┬┼═-╬▀▄█▌▐░▒▓"},
    {kAsciiUpper, U"A-Z"},
    {kAsciiLower, U"a-z"},
};
// Latin letters that are left out of the accented ones: emoticons and real words hold them.
constexpr std::u32string_view kOrdinaryUpper = U"ĮŌŐŔŖŪŲÒÓÔÕÖÙÚÛÞ";
constexpr std::u32string_view kOrdinaryLower = U"ıńņňōőŗřţūůűųƒµòóôõöøùúûýþÿ";
constexpr char32_t kFirstLatin = 0x80, kLastLatin = 0x24F;

/// One place of a neighbourhood: a character of the classes or of the list.
struct Place {
  Classes classes = 0;
  std::u32string_view characters;

  constexpr Place() = default;
  constexpr Place(Classes any_of) : classes(any_of) {}
  constexpr Place(const char32_t* any_of) : characters(any_of) {}
  constexpr Place(Classes any_of, const char32_t* or_of) : classes(any_of), characters(or_of) {}
  constexpr bool used() const { return classes != 0 || !characters.empty(); }
};
struct Neighbourhood {
  Place places[7];
};

constexpr Classes kSigns = kAccented | kBox | kAround | kAmount | kLegal;
constexpr Place kArabicTrail = {kNeutral | kAmount | kTelltale | kOpening, U"ŸŠ®°µ»"};
constexpr Neighbourhood kNeighbourhoods[] = {
    // By class alone.
    {{kControl}},
    {{kSigns | kTelltale, kTelltale}},
    {{kTelltale, kSigns}},
    {{kAsciiLetter, kLowerForeign | kUpperForeign, kTelltale}},
    {{kLowerAccented | kLowerForeign | kBox | kClosing | kAmount, kUpperAccented}},
    {{kBox | kClosing | kAmount, kLowerAccented}},
    {{kLowerAccented | kBox | kClosing, kCurrency}},
    {{kSpace, kUpperAccented, kCurrency}},
    {{kUpperAccented | kBox, kNumeric | kLegal}},
    {{kAccented | kBox | kCurrency | kClosing, kOpening, kNumeric}},
    {{kAccented | kAmount | kBox | kLegal, kClosing, kOpening}},
    {{kAmount | kBox, kOpening}},
    {{kAsciiLower, kUpperAccented, kOpening | kCurrency}},
    {{kBox, kFace | kClosing}},
    {{kAccented | kAmount | kAround | kLegal, kBox}},
    {{kAccented, kAround, kWord}},
    {{kUpperAccented, U"°"}},
    // Two and three bytes misread as Windows-1252.
    {{U"Œœ", kNoAsciiLetter}},
    {{U"ÂÃÎÐ", {kAround, U"€œŠš¢£Ÿž\u00A0\u00AD®©°·»–—´"}}},
    {{U"×", U"²³"}},
    {{U"à", U"²µ¹¼½¾"}},
    {{kAsciiLower, U"ÃÂ", U" "}},
    {{kAsciiLower, kSpace, U"ÃÂ", U" "}},
    {{{kAsciiLower | kClosing, U".,?!"}, U"Â", {kAround, U" "}}},
    {{U"ØÙ", kArabicTrail, U"ØÙ", kArabicTrail}},
    // Misread as Mac Roman.
    {{U"√", U"±∂†≠®™´≤≥¥µø"}},
    {{U"≈", U"°¢"}},
    {{U"‚", U"Ä", U"ìîïòôúùû†°¢π"}},
    {{U"‚", U"âó", U"àä°ê"}},
    // Misread as Windows-1251 (Cyrillic letters); the last one twice, beside Latin writing.
    {{U"в", U"Ђ"}},
    {{U"ВГРС", {kControl | kTelltale | kAround | kCurrency, U"°µ"}, U"ВГРС"}},
    {{U"Г", U"ў", U"В", U"Ђ", U"В", kNoNewline, {kAsciiLetter, U" "}}},
    // Misread as Windows-1253 (Greek letters).
    {{U"β", U"€", U"™\u00A0Ά\u00AD®°"}},
    {{U"ΒΓΞΟ", {kControl | kTelltale | kAround | kCurrency, U"°"}, U"ΒΓΞΟ"}},
};
static_assert(std::size(kNeighbourhoods) <= 64);

template <class Action>
void for_each_member(std::u32string_view members, Action action) {
  for (std::size_t i = 0; i < members.size(); ++i) {
    const bool range = i + 2 < members.size() && members[i + 1] == U'-';
    const char32_t last = range ? members[i + 2] : members[i];
    for (char32_t c = members[i]; c <= last; ++c) action(c);
    if (range) i += 2;
  }
}

/// A letter with a mark, or a ligature, that one of the encodings has.
Classes latin_class(char32_t c) {
  if (encodings_of({&c, 1}) == 0) return 0;
  const auto type = u_charType(static_cast<UChar32>(c));
  if (type == U_UPPERCASE_LETTER && kOrdinaryUpper.find(c) == std::u32string_view::npos) {
    return kUpperAccented;
  }
  if (type == U_LOWERCASE_LETTER && kOrdinaryLower.find(c) == std::u32string_view::npos) {
    return kLowerAccented;
  }
  return 0;
}

/// Bit i: the character can stand at the first or second place of neighbourhood i.
struct Starts {
  std::uint64_t first = 0, second = 0;
};

struct Detector {
  CharTable<Classes> classes;
  std::u32string members;  // the characters that have a class
  CharTable<Starts> starts;
  Starts anything;                 // neighbourhoods whose place takes an open-ended class
  std::uint64_t single_place = 0;  // neighbourhoods of one place

  Detector() {
    for (const Members& listed : kMembers) {
      for_each_member(listed.characters, [&](char32_t c) { add_member(c, listed.classes); });
    }
    for (char32_t c = kFirstLatin; c <= kLastLatin; ++c) add_member(c, latin_class(c));
    for (std::size_t i = 0; i < std::size(kNeighbourhoods); ++i) add_starts(i);
  }

  void add_member(char32_t c, Classes added) {
    if (added == 0) return;
    classes.at(c) |= added;
    members.push_back(c);
  }

  void add_starts(std::size_t index) {
    const std::uint64_t mask = std::uint64_t{1} << index;
    const auto& places = kNeighbourhoods[index].places;
    if (!places[1].used()) single_place |= mask;
    mark(places[0], &Starts::first, mask);
    mark(places[1], &Starts::second, mask);
  }

  void mark(const Place& place, std::uint64_t Starts::*which, std::uint64_t mask) {
    if (!place.used() || (place.classes & kOpenEnded) != 0) anything.*which |= mask;
    for (char32_t c : place.characters) starts.at(c).*which |= mask;
    for (char32_t c : members) {
      if ((classes[c] & place.classes) != 0) starts.at(c).*which |= mask;
    }
  }

  bool matches(const Place& place, char32_t c) const {
    if ((classes[c] & place.classes) != 0) return true;
    if (place.characters.find(c) != std::u32string_view::npos) return true;
    const Classes open = place.classes & kOpenEnded;
    return open != 0 &&
           (((open & kSpace) != 0 && is_space(c)) || ((open & kWord) != 0 && is_word(c)) ||
            ((open & kNoAsciiLetter) != 0 && (classes[c] & kAsciiLetter) == 0) ||
            ((open & kNoNewline) != 0 && c != U'\n'));
  }

  bool matches(const Neighbourhood& neighbourhood, std::u32string_view text) const {
    std::size_t i = 0;
    for (const Place& place : neighbourhood.places) {
      if (!place.used()) return true;
      if (i == text.size() || !matches(place, text[i++])) return false;
    }
    return true;
  }

  bool matches_any(std::uint64_t candidates, std::u32string_view text) const {
    for (; candidates != 0; candidates &= candidates - 1) {
      const auto index = static_cast<std::size_t>(std::countr_zero(candidates));
      if (matches(kNeighbourhoods[index], text)) return true;
    }
    return false;
  }
};

const Detector& detector() {
  static const Detector made;
  return made;
}

}  // namespace

bool looks_garbled(std::u32string_view text) {
  if (is_ascii(text)) return false;
  if (text.starts_with(U"Ã ") || text.starts_with(U"Â ")) return true;
  const Detector& known = detector();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool last = i + 1 == text.size();
    const std::uint64_t first = known.anything.first | known.starts[text[i]].first;
    const std::uint64_t second =
        last ? known.single_place : known.anything.second | known.starts[text[i + 1]].second;
    if (known.matches_any(first & second, text.substr(i))) return true;
  }
  return false;
}

}  // namespace tagalign::model
