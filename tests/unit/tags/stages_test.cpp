// The parser's stages one by one: plain text, words, segments, readings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/tags/parse/language.h"
#include "data/tags/parse/plain_text.h"
#include "data/tags/parse/tagger.h"
#include "data/tags/parse/tokens.h"
#include "tests/unit/tags/vocabulary_fixture.h"

namespace tagalign::data {
namespace {

using ::testing::ElementsAre;

class Stages : public ::testing::Test {
 protected:
  void SetUp() override { TA_REQUIRE_WORDNET(); }

  static std::vector<std::string> plain_words(std::string_view caption) {
    return split_words(plain_text(caption, vocabulary().lists()).text);
  }
  /// Segments as "word word|word"; a comma is ",".
  static std::string segments(std::string_view caption) {
    std::string out;
    for (const Segment& segment :
         cut(plain_text(caption, vocabulary().lists()).text, vocabulary()).segments) {
      if (!out.empty()) out += "|";
      for (std::size_t i = 0; i < segment.size(); ++i)
        out += (i == 0 ? "" : " ") + (segment[i].text.empty() ? "," : segment[i].text);
    }
    return out;
  }
  static std::vector<Tag> tags(std::string_view caption) {
    Segment segment = cut(plain_text(caption, vocabulary().lists()).text, vocabulary()).segments[0];
    WordMemory words(vocabulary().words());
    choose_tags(segment, vocabulary(), words);
    std::vector<Tag> all;
    for (const Token& token : segment) all.push_back(*token.tag);
    return all;
  }
  static bool english(std::string_view caption) {
    const PlainText plain = plain_text(caption, vocabulary().lists());
    WordMemory words(vocabulary().words());
    return is_english(plain, cut(plain.text, vocabulary()), vocabulary(), words);
  }
};

TEST_F(Stages, PlainText_ResolvesEntitiesAccentsAndSigns) {
  EXPECT_THAT(plain_words("cr&egrave;me br\xc3\xbbl\xc3\xa9"
                          "e &amp;amp; tea"),
              ElementsAre("creme", "brulee", "&", "tea"));
  EXPECT_THAT(plain_words("kids\xe2\x80\x99 slide \xe2\x80\x93 red"),
              ElementsAre("kids'", "slide", "-", "red"));
  EXPECT_THAT(plain_words("<PERSON> rides <b>fast</b>"), ElementsAre("person", "rides", "fast"));
  EXPECT_THAT(plain_words("broken \xff\xfe bytes"), ElementsAre("broken", "bytes"));
  EXPECT_THAT(plain_words("&#x41;&#9999999; & ; &;"), ElementsAre("A", "&", ";", "&;"));
}

TEST_F(Stages, AddressesAndFileNames_AreTakenApart) {
  EXPECT_THAT(plain_words("visit www.shop.example or me@mail.example @friend"),
              ElementsAre("visit", "or"));
  EXPECT_THAT(plain_words("blue_garden-shed.jpeg"), ElementsAre("blue", "garden", "shed", ";"));
  EXPECT_THAT(plain_words("DSC_0042.JPG"), ElementsAre());
}

TEST_F(Stages, Captions_AreCutAtSignsAndPhrases) {
  EXPECT_EQ(segments("Lamp - brass, 40 cm | shop"), "lamp|brass , 40|shop");
  EXPECT_EQ(segments("stock photo of a goat"), "of a goat");
  EXPECT_EQ(segments("in the dark forest"), "in the dark forest") << "no phrase of its own";
  EXPECT_EQ(segments("[OC] the aunt's jug w/ milk"), "the aunt 's jug with milk");
  EXPECT_EQ(segments("a goat in front of a snow-covered hut"),
            "a goat in front of a snow covered hut");
  EXPECT_EQ(segments(" - , ; "), "");
}

TEST_F(Stages, Measurements_LeaveAMarkedNumber) {
  EXPECT_EQ(segments("jug 11 oz blue, size XL, 20mm"), "jug 11 blue , size , 20mm");
  const auto marked = [](std::string_view caption) {
    const Tokens tokens = cut(caption, vocabulary());
    std::string out;
    for (const Token& token : tokens.segments[0]) out += token.measure ? "#" : ".";
    return out;
  };
  EXPECT_EQ(marked("jug 11 oz blue"), ".#.");
  EXPECT_EQ(marked("rug 5x8 wool"), ".#.");
  EXPECT_EQ(marked("stool 30\" oak"), ".#.");
  EXPECT_EQ(marked("route 66 diner"), "...");
  EXPECT_EQ(marked("a 4x4 truck"), "...");
}

TEST_F(Stages, LongSegments_AreCut) {
  std::string caption;
  for (std::size_t i = 0; i < 3 * kSegmentTokensMax; ++i) caption += "goat ";
  for (const Segment& segment : cut(caption, vocabulary()).segments)
    EXPECT_LE(segment.size(), kSegmentTokensMax);
}

TEST_F(Stages, Singulars_AreTheShortestForm) {
  const Words& words = vocabulary().words();
  EXPECT_EQ(words.singular("stripes"), "stripe");
  EXPECT_EQ(words.singular("geese"), "goose");
  EXPECT_EQ(words.singular("cherries"), "cherry");
  EXPECT_EQ(words.singular("firemen"), "fireman");
  EXPECT_EQ(words.singular("glass"), "glass");
  EXPECT_EQ(words.singular("jeans"), "jeans");
  EXPECT_EQ(words.singular("xyzzy"), "");
}

TEST_F(Stages, Misspellings_GiveTheNearestVisibleNoun) {
  const Words& words = vocabulary().words();
  EXPECT_EQ(words.corrected("balloonn"), "balloon");
  EXPECT_EQ(words.corrected("rabit"), "rabbit");
  EXPECT_EQ(words.corrected("gardne"), "garden");
  EXPECT_EQ(words.corrected("xkcdqy"), "");
}

TEST_F(Stages, Neighbours_DecideBetweenNounAndVerb) {
  EXPECT_THAT(tags("a goat drinks"), ElementsAre(Tag::kDeterminer, Tag::kNoun, Tag::kVerbThird));
  EXPECT_THAT(tags("two cold drinks"), ElementsAre(Tag::kNumber, Tag::kAdjective, Tag::kNouns));
  EXPECT_THAT(tags("children feeding goats"), ElementsAre(Tag::kNouns, Tag::kGerund, Tag::kNouns));
  EXPECT_THAT(tags("the painted wall"),
              ElementsAre(Tag::kDeterminer, Tag::kParticiple, Tag::kNoun));
}

TEST_F(Stages, OtherLanguages_AreNotEnglish) {
  EXPECT_TRUE(english("a goat beside the well"));
  EXPECT_TRUE(english("Vorwerk Tiger 260 vacuum cleaner"));
  EXPECT_FALSE(english("une ch\xc3\xa8vre dans le jardin"));
  EXPECT_FALSE(english("Ziegen auf der Weide mit dem Hirten"));
  EXPECT_FALSE(
      english("\xd0\xba\xd0\xbe\xd0\xb7\xd0\xb0 \xd0\xb2 \xd1\x81\xd0\xb0\xd0\xb4\xd1\x83"));
  EXPECT_FALSE(english("\xe8\x8a\xb1\xe5\x9b\xad\xe9\x87\x8c\xe7\x9a\x84\xe7\x8c\xab"));
}

}  // namespace
}  // namespace tagalign::data
