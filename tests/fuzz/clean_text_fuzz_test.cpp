/// Garbled, cut and mixed text for the cleaning of captions. The seed is fixed: a failure repeats.
#include <gtest/gtest.h>

#include <string>

#include "base/random.h"
#include "model/clip/text/clean_text.h"
#include "model/clip/text/encodings.h"
#include "model/clip/text/unicode.h"

namespace tagalign::model {
namespace {

constexpr int kRounds = 15'000;

std::size_t below(RandomStream& random, std::size_t count) {
  return static_cast<std::size_t>(random.below(count));
}

/// Characters of one encoding, of the planes in use, and those that the steps look for.
char32_t random_character(RandomStream& random) {
  constexpr std::u32string_view kSpecial =
      U" \t\r\n&;<#x\x1B[m\u0085\u2028\uFEFF\uFFFD?ÃÂâ€àœØ°вЂ\u0301\u0316ﬁ“ŉＡｶﾞ\U0001F600\u1AC1";
  switch (random.below(5)) {
    case 0:
      return kSpecial[below(random, kSpecial.size())];
    case 1:
      return static_cast<char32_t>(random.below(0x80));
    case 2:
      return static_cast<char32_t>(random.below(0x3000));
    case 3: {
      const auto c = static_cast<char32_t>(random.below(0x110000));
      return in_range(c, 0xD800, 0xDFFF) ? U'x' : c;
    }
    default:
      return decode_byte(static_cast<Encoding>(random.below(kEncodings)),
                         static_cast<std::uint8_t>(0x80 + random.below(0x80)));
  }
}

std::u32string random_text(RandomStream& random) {
  std::u32string text;
  for (std::size_t left = below(random, 24); left > 0; --left) {
    text.push_back(random_character(random));
  }
  return text;
}

/// The text's UTF-8, cut sometimes, read in an encoding drawn by chance.
std::u32string misread(std::u32string_view text, RandomStream& random) {
  const auto encoding = static_cast<Encoding>(random.below(kEncodings));
  std::string bytes = encode_utf8(text);
  if (random.chance(0.2)) bytes.resize(below(random, bytes.size() + 1));
  std::u32string wrong;
  for (char byte : bytes) {
    wrong.push_back(decode_byte(encoding, static_cast<std::uint8_t>(byte)));
  }
  return wrong;
}

std::u32string garbled_text(RandomStream& random) {
  std::u32string text = random_text(random);
  for (std::uint64_t layers = random.below(4); layers > 0; --layers) text = misread(text, random);
  return random.chance(0.3) ? text + random_text(random) : text;
}

bool is_utf8(const std::string& bytes) {
  return encode_utf8(decode_utf8(bytes)) == bytes;
}

TEST(CleanTextFuzz, GarbledText_GivesUtf8) {
  RandomStream random({.seed = 1}, StreamPurpose::kTest);
  int changed = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::string bytes = encode_utf8(garbled_text(random));
    if (random.chance(0.1) && !bytes.empty()) bytes[below(random, bytes.size())] = '\xFF';
    const std::string cleaned = encode_utf8(clean_text(bytes));
    ASSERT_TRUE(is_utf8(cleaned)) << "round " << round;
    changed += cleaned != bytes ? 1 : 0;
  }
  EXPECT_GT(changed, kRounds / 2);
}

// A segment is gone over until nothing changes. New line breaks cut it into other segments.
TEST(CleanTextFuzz, RepairedLine_RepairedAgain_StaysAsItIs) {
  RandomStream random({.seed = 2}, StreamPurpose::kTest);
  int changed = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::u32string text = garbled_text(random);
    const std::u32string repaired = repair_text(text);
    const std::size_t newline = repaired.find(U'\n');
    if (newline != std::u32string::npos && newline + 1 != repaired.size()) continue;
    ASSERT_EQ(encode_utf8(repair_text(repaired)), encode_utf8(repaired)) << "round " << round;
    changed += repaired != text ? 1 : 0;
  }
  EXPECT_GT(changed, kRounds / 4);
}

TEST(CleanTextFuzz, Noise_GivesUtf8) {
  RandomStream random({.seed = 3}, StreamPurpose::kTest);
  for (int round = 0; round < kRounds; ++round) {
    std::string bytes(below(random, 60), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.next_u32());
    ASSERT_TRUE(is_utf8(encode_utf8(clean_text(bytes)))) << "round " << round;
  }
}

}  // namespace
}  // namespace tagalign::model
