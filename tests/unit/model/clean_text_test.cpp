// The cleaning of captions, step by step. The expected strings are what ftfy
// 6.3.1 (Python 3.9) gives.
#include "model/clip/text/clean_text.h"

#include <gtest/gtest.h>

#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include "model/clip/text/badness.h"
#include "model/clip/text/damaged_utf8.h"
#include "model/clip/text/encodings.h"
#include "model/clip/text/html_entities.h"
#include "model/clip/text/mojibake.h"
#include "model/clip/text/unicode.h"

namespace tagalign::model {
namespace {

std::string cleaned(std::string_view text) {
  return encode_utf8(clean_text(text));
}

std::string repaired(std::string_view text) {
  return encode_utf8(repair_text(decode_utf8(text)));
}

/// UTF-8 misread in an encoding.
std::string misread(std::string_view text, Encoding encoding) {
  std::u32string wrong;
  for (char byte : text) {
    wrong.push_back(decode_byte(encoding, static_cast<std::uint8_t>(byte)));
  }
  return encode_utf8(wrong);
}

TEST(CleanText, Space_CollapsesAndGoesFromTheEnds) {
  EXPECT_EQ(cleaned(" a\u00A0\u2003 b\t\n"), "a b");
}

TEST(CleanText, References_AreReplacedTwice) {
  EXPECT_EQ(cleaned("a &amp;amp; b"), "a & b");
  EXPECT_EQ(cleaned("<b>&lt;i&gt;"), "<b><i>");
  EXPECT_EQ(cleaned("&notit; &#x41;&#66 &EACUTE;"), "\u00ACit; ab \u00E9");
}

TEST(CleanText, LowerCase_IsPythons) {
  EXPECT_EQ(cleaned("\u0130X"), "i\u0307x");
  EXPECT_EQ(encode_utf8(lower_case(U"\u039F\u03A3 \u03A3\u039F\u03A3.")),
            encode_utf8(U"\u03BF\u03C2 \u03C3\u03BF\u03C2."));
}

TEST(CleanText, Typography_IsMadePlain) {
  EXPECT_EQ(cleaned("\u201Cit\u2019s\u201D \uFB01ne \uFF21\uFF11"), "\"it's\" fine a1");
  EXPECT_EQ(cleaned("e\u0301"), "\u00E9");
  EXPECT_EQ(cleaned(std::string("a\0b\x1B[31mc", 9)), "abc");
}

TEST(CleanText, PlainAscii_TakesTheShortWayToTheSameText) {
  const std::string caption = "  A Dog,\tand\r\n~100% \"Cats\"; (2) <of> THEM_[x] ";
  EXPECT_EQ(cleaned(caption), "a dog, and ~100% \"cats\"; (2) <of> them_[x]");
  EXPECT_EQ(cleaned(caption + "\u00E9"), cleaned(caption) + " \u00E9");
}

TEST(CleanText, SeveralThreads_GiveTheSameText) {
  std::vector<std::string> found(4);
  std::vector<std::thread> threads;
  for (std::string& text : found) {
    threads.emplace_back([&text] { text = cleaned("Ã¼ber den BÃ¤umen â€” naÃ¯ve"); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : found) EXPECT_EQ(text, "über den bäumen — naïve");
}

TEST(RepairText, TypographyAndControls_AreRepairedInOrder) {
  EXPECT_EQ(repaired("\u0149 \u01C4 \uFB03"), "'n DŽ ffi");
  EXPECT_EQ(repaired("\uFF76\uFF9E\u3000x"), "\u30AC x");
  EXPECT_EQ(repaired("a\r\nb\rc\u2028d"), "a\nb\nc\nd");
  EXPECT_EQ(repaired("\u0093a\u0094 \u0085"), "\"a\" \u2026");
  EXPECT_EQ(repaired("\uFEFFa\uFFFC\u206Ab\u000B"), "ab");
}

TEST(RepairText, TerminalEscapes_GoWithAnyDecimalDigits) {
  EXPECT_EQ(repaired("\x1B[36;44mblue\x1B[0m"), "blue");
  EXPECT_EQ(repaired("\x1B[\u0663mblue"), "blue");
  EXPECT_EQ(repaired("\x1B[36;44"), "[36;44");
}

TEST(RepairText, ReferencesAfterALineWithMarkup_StayAsTheyAre) {
  EXPECT_EQ(repaired("&eacute;\n<b>\n&eacute;"), "\u00E9\n<b>\n&eacute;");
}

TEST(RepairText, ReferenceThatSpellsMojibake_IsRepairedToo) {
  EXPECT_EQ(repaired("caf&Atilde;&copy;"), "café");
}

TEST(RepairText, CharactersNewerThanPythons_AreNotReordered) {
  EXPECT_EQ(repaired("a\u0301\u0316"), "\u00E1\u0316");
  const std::string newer = "a\U0001E08F\u0316";  // a mark of Unicode 15: no mark to the reference
  EXPECT_EQ(repaired(newer), newer);
}

TEST(RepairText, LongRunOfMarks_IsOrderedLikeAShortOne) {
  std::string run;
  for (int i = 0; i < 40; ++i) run += "\u0301";
  EXPECT_EQ(repaired("a" + run + "\u0316\u0F73"),
            "\u00E1\u0F71\u0F72\u0316" + run.substr(std::string_view("\u0301").size()));
}

TEST(UnescapeHtml, NumbersOutsideUnicode_BecomeReplacementOrNothing) {
  EXPECT_EQ(unescape_html(U"&#0;&#x110000;&#xD800;"), U"\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(unescape_html(U"a&#1;b&#xFFFE;c&#150;"), U"abc\u2013");
  EXPECT_EQ(unescape_html(U"& &; &# &#x; &unknown;"), U"& &; &# &#x; &unknown;");
}

TEST(UnescapeHtmlStrict, ReferencesWithoutSemicolon_Stay) {
  EXPECT_EQ(unescape_html_strict(U"&eacute &eacute;"), U"&eacute \u00E9");
  EXPECT_EQ(unescape_html_strict(U"&CounterClockwiseContourIntegral;"),
            U"&CounterClockwiseContourIntegral;");
}

TEST(UnescapeHtmlStrict, UpperCaseSpelling_HasTheFullUpperCase) {
  EXPECT_EQ(unescape_html_strict(U"STRA&SZLIG;E"), U"STRASSE");
  EXPECT_EQ(unescape_html_strict(U"&NTILDE; &nTILDE;"), U"\u00D1 &nTILDE;");
}

TEST(UnescapeHtmlStrict, NumberOfASemicolon_Stays) {
  EXPECT_EQ(unescape_html_strict(U"&#59;&#58;"), U"&#59;:");
}

TEST(Encodings, EveryByte_GoesThereAndBack) {
  for (int i = 0; i < kEncodings; ++i) {
    const auto encoding = static_cast<Encoding>(i);
    for (int byte = 0; byte < 256; ++byte) {
      const char32_t c = decode_byte(encoding, static_cast<std::uint8_t>(byte));
      ASSERT_TRUE(contains(encodings_of({&c, 1}), encoding)) << i << ' ' << byte;
      ASSERT_EQ(encode({&c, 1}, encoding), std::string(1, static_cast<char>(byte))) << i;
    }
  }
}

TEST(Encodings, OpenBytes_StandForTheSameNumber) {
  EXPECT_EQ(decode_byte(Encoding::kWindows1252, 0x81), 0x81);
  EXPECT_EQ(decode_byte(Encoding::kWindows1253, 0xD2), 0xD2);
  EXPECT_EQ(decode_byte(Encoding::kWindows1257, 0xA1), 0xA1);
  EXPECT_EQ(decode_byte(Encoding::kWindows1252, 0x1A), 0xFFFD);
  EXPECT_EQ(decode_byte(Encoding::kMacRoman, 0x1A), 0x1A);
}

TEST(Encodings, KnownCharacters_HaveTheirBytes) {
  EXPECT_EQ(decode_byte(Encoding::kWindows1252, 0x80), U'€');
  EXPECT_EQ(decode_byte(Encoding::kWindows1251, 0xC0), U'А');
  EXPECT_EQ(decode_byte(Encoding::kWindows1250, 0xA3), U'Ł');
  EXPECT_EQ(decode_byte(Encoding::kWindows1253, 0xE1), U'α');
  EXPECT_EQ(decode_byte(Encoding::kWindows1254, 0xFE), U'ş');
  EXPECT_EQ(decode_byte(Encoding::kWindows1257, 0xE2), U'ā');
  EXPECT_EQ(decode_byte(Encoding::kLatin2, 0xA1), U'Ą');
  EXPECT_EQ(decode_byte(Encoding::kMacRoman, 0xF0), 0xF8FF);
  EXPECT_EQ(decode_byte(Encoding::kCodePage437, 0xE6), U'µ');
  EXPECT_EQ(decode_byte(Encoding::kCodePage437, 0xC9), U'╔');
  EXPECT_EQ(encodings_of(U"漢"), 0);
}

TEST(LooksGarbled, OrdinaryWriting_IsNot) {
  for (const std::u32string_view text :
       {U"a street with cars", U"crème brûlée à la carte, 20 €", U"Москва и «мир»", U"Ελλάδα",
        U"“quoted” – it’s fine…", U"żółć, Łódź, Ålesund", U"½ × 3² ± 5°", U"東京"}) {
    EXPECT_FALSE(looks_garbled(text)) << encode_utf8(text);
  }
}

TEST(LooksGarbled, EachKindOfNeighbourhood_Is) {
  for (const std::u32string_view text :
       {U"\u0080", U"¤¦",   U"é¦",      U"¦é",   U"aΔ¦", U"äÄ",           U"║ä",  U"ä€",
        U"a Å€",   U"Ä²",   U"®¡∞",     U"ä®¡",  U"²¡",  U"aÄ¡",          U"║Ö",  U"║®",
        U"¡║",     U"Ä“x",  U"Ä°",      U"œ!",   U"Â·",  U"\u00D7\u00B2", U"à¼",  U"Ã\u00A0",
        U"aÃ ",    U"a Â ", U"!Â ",     U"Ø…Ù…", U"√∂",  U"≈°",           U"‚Äú", U"‚âà",
        U"вЂ",     U"В°Р",  U"ГўВЂВ™ ", U"β€™",  U"Β°Γ", U"ā€",           U"Ã x", U"Â x"}) {
    EXPECT_TRUE(looks_garbled(text)) << encode_utf8(text);
  }
}

TEST(LooksGarbled, CutNeighbourhood_IsNot) {
  for (const std::u32string_view text :
       {U"é", U"Ä“", U"Ä“ ", U"œ", U"œx", U"Ø…Ù", U"‚Ä", U"В°", U"ГўВЂВ\n ", U"xÃ", U"aÂ"}) {
    EXPECT_FALSE(looks_garbled(text)) << encode_utf8(text);
  }
}

TEST(DamagedUtf8, SpaceForANoBreakSpace_IsPutBack) {
  EXPECT_EQ(restore_no_break_spaces("\xC2 x"), "\xC2\xA0x");
  EXPECT_EQ(restore_no_break_spaces("\xE2 \x80"), "\xE2\xA0\x80");
  EXPECT_EQ(restore_no_break_spaces("\xE2\x80 "), "\xE2\x80\xA0");
  EXPECT_EQ(restore_no_break_spaces("\xF0\x9F \x80"), "\xF0\x9F\xA0\x80");
  EXPECT_EQ(restore_no_break_spaces("\xE1 \x80 \xE2 \x85 \xF0  \x80 \xC4 "),
            "\xE1 \x80 \xE2 \x85 \xF0  \x80 \xC4 ");
}

TEST(DamagedUtf8, SpaceAfterAGraveA_StaysUnlessAPortugueseWordGoesOn) {
  EXPECT_EQ(restore_no_break_spaces("\xC3 la"), "\xC3\xA0 la");
  EXPECT_EQ(restore_no_break_spaces("\xC3 quel"), "\xC3\xA0 quel");
  EXPECT_EQ(restore_no_break_spaces("\xC3 quela"), "\xC3\xA0quela");
  EXPECT_EQ(restore_no_break_spaces("\xC3 s 5"), "\xC3\xA0s 5");
  EXPECT_EQ(restore_no_break_spaces("\xC3  b"), "\xC3\xA0 b");
}

TEST(DamagedUtf8, LostBytes_BecomeOneReplacementCharacter) {
  constexpr std::string_view kLost = "\xEF\xBF\xBD";
  for (const std::string_view bytes :
       {"\x1A", "\xC3\x1A", "\xC3?", "\xDF\x1A", "\xE2\x80\x1A", "\xE2\x80?", "\xE2?\x1A",
        "\xF0\x1A\x98\x1A", "\xF0\x9F\x98?", "\xED\xA0\x80\xED\xB0?", "\xED\xA0?\xED\xB0?"}) {
    EXPECT_EQ(replace_lossy_sequences(std::string(bytes)), kLost);
  }
  for (const std::string_view bytes : {"\xC4?", "\xE2??", "\xF0\x9F??", "\xE2\x80\x9C", "a?"}) {
    EXPECT_EQ(replace_lossy_sequences(std::string(bytes)), bytes);
  }
}

TEST(DamagedUtf8, Variants_AreDecodedAndNothingElse) {
  EXPECT_EQ(decode_utf8_variants("a\xC0\x80z"), std::u32string({U'a', U'\0', U'z'}));
  EXPECT_EQ(decode_utf8_variants("\xED\xA0\xBD\xED\xB8\x80"), U"\U0001F600");
  EXPECT_EQ(decode_utf8_variants("\xED\x95\x9C"), U"\uD55C");
  for (const std::string_view bytes :
       {"\xED\xA0\xBD", "\xC0\x81", "\xC0", "\xE2\x82", "\x80", "\xF5\x80\x80\x80", "\xE0\x80\x80",
        "\xED\xB8\x80\xED\xA0\xBD"}) {
    EXPECT_EQ(decode_utf8_variants(bytes), std::nullopt);
  }
}

TEST(DamagedUtf8, LineFeedThatEndsTheText_CompletesAVariantAsInTheReference) {
  EXPECT_EQ(decode_utf8_variants("\xC0\n"), std::u32string(1, U'\0'));
  EXPECT_EQ(decode_utf8_variants("\xC0\n "), std::nullopt);
  EXPECT_EQ(decode_utf8_variants("\xED\xA0\xBD\xED\xB8\n"), U"\U0001F60A");
}

TEST(Mojibake, EveryEncoding_IsReadBack) {
  constexpr std::string_view kSamples[kEncodings] = {
      "soupçon",      "“naïve”",     "улица и дом", "żółć gęślą jaźń", "δρόμος",
      "ağaç gölgesi", "žąsys šalia", "čeština",     "crème brûlée",    "café crème"};
  for (int i = 0; i < kEncodings; ++i) {
    const auto encoding = static_cast<Encoding>(i);
    WorkBudget budget(1000);
    const std::u32string wrong = decode_utf8(misread(kSamples[i], encoding));
    EXPECT_EQ(encode_utf8(repair_mojibake(wrong, budget)), kSamples[i]) << "encoding " << i;
  }
}

TEST(Mojibake, SeveralLayers_AllComeOff) {
  std::string text = "l’été à la plage";
  for (int layer = 0; layer < 3; ++layer) text = misread(text, Encoding::kWindows1252);
  EXPECT_EQ(repaired(text), "l'été à la plage");
}

TEST(Mojibake, PartsInOtherwiseRightText_AreRepairedAlone) {
  EXPECT_EQ(repaired("東京 cafÃ© – â€œokâ€\u009D"), "東京 café – \"ok\"");
}

TEST(Mojibake, LostBytes_BecomeReplacementCharacters) {
  EXPECT_EQ(repaired("â€œ like this â€\uFFFD"), "\" like this \uFFFD");
}

TEST(Mojibake, SpacesThatWereNoBreakSpaces_AreUnderstood) {
  EXPECT_EQ(repaired("voilÃ le travail"), "voilà le travail");
  EXPECT_EQ(repaired("Ã  la mode"), "à la mode");
}

TEST(Mojibake, RightText_IsLeftAlone) {
  for (const std::string_view text :
       {"crème brûlée à la carte", "Ångström & Øre", "10 £ – 20 €", "¯\\_(ツ)_/¯", "Łódź", "à"}) {
    EXPECT_EQ(repaired(text), text);
  }
}

TEST(WorkBudget, SpentBudget_StaysEmpty) {
  WorkBudget budget(10);
  EXPECT_TRUE(budget.spend(10));
  EXPECT_FALSE(budget.spend(1));
  EXPECT_TRUE(WorkBudget(5).spend(3));
}

std::string repeated(std::string_view part, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text.append(part);
  return text;
}

// Without bounds the first four take minutes. They take a quarter of a second; a sanitizer,
// ten times as long.
TEST(CleanText, HostileMebibyte_TakesBoundedTime) {
  constexpr std::size_t kBytes = 1u << 20;
  const std::string marks = "a" + repeated("\u0301", kBytes / 2) + repeated("\u0316", kBytes / 2);
  for (const std::string& text :
       {"Ã" + repeated("ƒ", kBytes), "&" + repeated("amp;", kBytes), marks, repeated("ཱི", kBytes),
        repeated("Ã ", kBytes), repeated("â€", kBytes), repeated("Ãƒ東", kBytes),
        repeated("\x1B[;", kBytes), repeated("Σ.", kBytes), repeated("Ãƒƒƒ\n", kBytes)}) {
    const std::clock_t start = std::clock();
    const std::string result = cleaned(text);
    const double cpu_seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    EXPECT_LT(cpu_seconds, 4.0) << text.substr(0, 12);
    EXPECT_LE(result.size(), text.size()) << text.substr(0, 12);
  }
}

}  // namespace
}  // namespace tagalign::model
