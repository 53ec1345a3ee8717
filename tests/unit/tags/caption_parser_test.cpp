// Whole captions, one rule a test. The captions are made for this file.
#include "data/tags/parse/caption_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "tests/unit/tags/vocabulary_fixture.h"

namespace tagalign::data {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CaptionParserTest : public ::testing::Test {
 protected:
  void SetUp() override { TA_REQUIRE_WORDNET(); }

  CaptionTags parse(std::string_view caption) {
    CaptionParser parser(vocabulary());
    return parser.parse(caption);
  }
  std::vector<std::string> objects(std::string_view caption) { return parse(caption).objects; }
  std::vector<std::string> attributes(std::string_view caption) {
    std::vector<std::string> pairs;
    for (const Attribute& each : parse(caption).attributes)
      pairs.push_back(format("{}>{}", each.attribute, each.object));
    return pairs;
  }
};

TEST_F(CaptionParserTest, Sentence_GivesThingsOnceAndSingular) {
  EXPECT_THAT(objects("Two goats stand on a wall while another goat eats leaves"),
              ElementsAre("goat", "wall", "leaf"));
  EXPECT_THAT(objects("people and <PERSON> on a ferry"), ElementsAre("person", "ferry"));
}

TEST_F(CaptionParserTest, Compounds_AreOneTagOrTheirHead) {
  EXPECT_THAT(objects("a polar bear and a fire engine"), ElementsAre("polar bear", "fire engine"));
  EXPECT_THAT(objects("a turnip casserole"), ElementsAre("casserole"));
  EXPECT_THAT(objects("three wine glasses"), ElementsAre("wineglass"));
  EXPECT_THAT(objects("a blue sky above an old man"), ElementsAre("sky", "man"));
}

TEST_F(CaptionParserTest, ImageWordsAndAbstractions_GiveWay) {
  EXPECT_THAT(objects("watercolor illustration of a badger"), ElementsAre("badger"));
  EXPECT_THAT(objects("attic interior"), ElementsAre("attic"));
  EXPECT_THAT(objects("freedom, hope and happiness at sunset"), IsEmpty());
}

TEST_F(CaptionParserTest, Measures_GiveWhatTheyMeasure) {
  EXPECT_THAT(objects("a flock of geese"), ElementsAre("goose"));
  EXPECT_THAT(objects("a bucket of paint"), ElementsAre("bucket", "paint"));
  EXPECT_THAT(objects("glasses of cider"), ElementsAre("glass", "cider"));
}

TEST_F(CaptionParserTest, WhatIsNotInThePicture_IsLeftOut) {
  EXPECT_THAT(objects("a stew without onions in a pot"), ElementsAre("stew", "pot"));
  EXPECT_THAT(objects("a stool for your workshop or barn"), ElementsAre("stool"));
  EXPECT_THAT(objects("my uncle's sailboat"), ElementsAre("sailboat"));
  EXPECT_THAT(objects("a sled that my grandfather built"), ElementsAre("sled"));
  EXPECT_THAT(objects("the ladder to the tower"), ElementsAre("ladder"));
  EXPECT_THAT(objects("view from the balcony of our hotel"), ElementsAre("balcony"));
  EXPECT_THAT(objects("a bakery where a stable once stood"), ElementsAre("bakery"));
  EXPECT_THAT(objects("a flooded road, officials said"), ElementsAre("road"));
}

TEST_F(CaptionParserTest, Attributes_StandBeforeTheNoun) {
  EXPECT_THAT(attributes("a rusty iron gate"), ElementsAre("rusty>gate", "iron>gate"));
  EXPECT_THAT(attributes("a dark green stainless steel kettle"),
              ElementsAre("dark green>kettle", "stainless steel>kettle"));
  EXPECT_THAT(attributes("a black and white goat with long, curly hair"),
              ElementsAre("black>goat", "white>goat", "long>hair", "curly>hair"));
  EXPECT_THAT(attributes("a beautiful french electric lamp"), IsEmpty());
  EXPECT_THAT(attributes("a walking cane and a walking goat"), ElementsAre("walking>goat"));
}

TEST_F(CaptionParserTest, Attributes_StandBehindTheNounToo) {
  EXPECT_THAT(attributes("The gate is open and the walls are yellow"),
              ElementsAre("open>gate", "yellow>wall"));
  EXPECT_THAT(attributes("a basket made of willow and a bench built of stone"),
              ElementsAre("stone>bench"));
  EXPECT_THAT(attributes("a shed that is painted red"), ElementsAre("red>shed"));
  EXPECT_THAT(attributes("Armchair - Moss Green, Velvet"),
              ElementsAre("moss green>armchair", "velvet>armchair"));
  EXPECT_THAT(attributes("Mittens in blue and white"), ElementsAre("blue>mitten", "white>mitten"));
}

TEST_F(CaptionParserTest, CompoundsOwnWord_IsNoAttribute) {
  EXPECT_THAT(attributes("a paper bag"), IsEmpty());
  EXPECT_THAT(attributes("a large paper bag"), ElementsAre("large>paper bag"));
}

TEST_F(CaptionParserTest, Measurement_EndsThePhraseOfATitle) {
  EXPECT_THAT(objects("Stoneware Jug 2 Litre Handmade Green Lid"), ElementsAre("jug", "lid"));
  EXPECT_THAT(attributes("Jute Rug 5x8 Beige"), ElementsAre("jute>rug", "beige>rug"));
  EXPECT_THAT(attributes("Stool 30\" Black Leather"), ElementsAre("black>stool", "leather>stool"));
  EXPECT_THAT(attributes("Suede Boots Size 9 Brown"), ElementsAre("suede>boot", "brown>boot"));
  EXPECT_THAT(attributes("Sideboard 160 cm Walnut"), ElementsAre("walnut>sideboard"));
  EXPECT_THAT(objects("Red Tractor 12k Miles"), ElementsAre("tractor"));
  EXPECT_THAT(objects("Floor Lamp Arc"), ElementsAre("floor lamp"));
  EXPECT_THAT(attributes("Bath Towels Set of 6, Moss Green"), ElementsAre("moss green>bath towel"));
}

TEST_F(CaptionParserTest, Measurement_BeforeItsNounEndsNothing) {
  EXPECT_THAT(attributes("Cast Iron 12 inch Pan"), ElementsAre("cast iron>pan"));
  EXPECT_THAT(objects("Queen 10 inch Mattress"), ElementsAre("mattress"));
  EXPECT_THAT(objects("a 6 foot fence and a 4x4 truck"), ElementsAre("fence", "truck"));
}

TEST_F(CaptionParserTest, ColourBehindATitlesNoun_BelongsToIt) {
  EXPECT_THAT(attributes("Cargo Van White Low Roof"), ElementsAre("white>van", "low>roof"));
  EXPECT_THAT(attributes("Cottage White Picket Fence"), ElementsAre("white>picket fence"));
  EXPECT_THAT(attributes("Jacket Black Color"), ElementsAre("black>jacket"));
  EXPECT_THAT(attributes("Sofa Grey Condition Good"), ElementsAre("grey>sofa"));
  EXPECT_THAT(attributes("Mirror Large Round"), ElementsAre("large>mirror", "round>mirror"));
  EXPECT_THAT(attributes("she leaves the gate open"), ElementsAre("open>gate"));
}

TEST_F(CaptionParserTest, UnknownStuff_LeavesTheAdjectiveBeforeItAlone) {
  EXPECT_THAT(attributes("a long qiviut scarf"), ElementsAre("long>scarf"));
  EXPECT_THAT(attributes("a low heel boot"), IsEmpty());
  EXPECT_THAT(attributes("Solid Oak Bench, Slim Fit Chino Shorts"),
              ElementsAre("oak>bench", "chino>shorts"));
}

TEST_F(CaptionParserTest, AnimalsColour_IsOneOnlyBeforeThings) {
  EXPECT_THAT(attributes("a camel cardigan"), ElementsAre("camel>cardigan"));
  EXPECT_THAT(attributes("a camel rider"), IsEmpty());
  EXPECT_THAT(objects("lion, camel, ostrich"), ElementsAre("lion", "camel", "ostrich"));
}

TEST_F(CaptionParserTest, HyphenedQualities_AreOneAttribute) {
  EXPECT_THAT(attributes("a green-eyed kitten"), ElementsAre("green eyed>kitten"));
  EXPECT_THAT(attributes("a curly haired toddler"), ElementsAre("curly haired>toddler"));
  EXPECT_THAT(attributes("an ivy-clad tower"), ElementsAre("ivy clad>tower"));
  EXPECT_THAT(objects("a red-tailed hawk"), ElementsAre("red-tailed hawk"));
}

TEST_F(CaptionParserTest, PlaceThatAWayLeadsTo_IsLeftOut) {
  EXPECT_THAT(objects("stairs leading up to the attic"), ElementsAre("stairs"));
  EXPECT_THAT(objects("a lane that leads to a mill"), ElementsAre("lane"));
  EXPECT_THAT(objects("a goat runs to the gate"), ElementsAre("goat", "gate"));
}

TEST_F(CaptionParserTest, WhatIsLostOrWanted_IsLeftOut) {
  EXPECT_THAT(objects("a goat that has lost its bell"), ElementsAre("goat"));
  EXPECT_THAT(objects("a cart missing a wheel"), ElementsAre("cart"));
  EXPECT_THAT(objects("the barn needs a new roof"), ElementsAre("barn"));
  EXPECT_THAT(objects("a lost glove on a fence"), ElementsAre("glove", "fence"));
}

TEST_F(CaptionParserTest, MakersBehindBy_AreLeftOut) {
  EXPECT_THAT(objects("a mural painted by <PERSON> on a barn"), ElementsAre("mural", "barn"));
  EXPECT_THAT(objects("new haircut, done by <PERSON>"), ElementsAre("haircut"));
  EXPECT_THAT(objects("a pony ridden by <PERSON>"), ElementsAre("pony", "person"));
}

TEST_F(CaptionParserTest, WhatAPictureIsFor_IsLeftOut) {
  EXPECT_THAT(objects("cute hedgehog, mug design"), ElementsAre("hedgehog"));
  EXPECT_THAT(objects("mug design with a hedgehog"), ElementsAre("mug", "hedgehog"));
  EXPECT_THAT(objects("map of the rivers and lakes"), ElementsAre("map"));
}

TEST_F(CaptionParserTest, RoleBeforeAName_StaysWithThePerson) {
  EXPECT_THAT(objects("Mayor <PERSON> cuts the ribbon"), ElementsAre("mayor", "person", "ribbon"));
  EXPECT_THAT(objects("tennis player <PERSON> serves"), ElementsAre("tennis player", "person"));
  EXPECT_THAT(objects("Sir <PERSON> and a delivery person"), ElementsAre("person"));
}

TEST_F(CaptionParserTest, WordBehindAName_IsItsVerb) {
  EXPECT_THAT(objects("<PERSON> waves"), ElementsAre("person"));
  EXPECT_THAT(objects("<PERSON>, left, hands the keys to a clerk"),
              ElementsAre("person", "key", "clerk"));
  EXPECT_THAT(objects("she heads the ball"), ElementsAre("ball"));
}

TEST_F(CaptionParserTest, MakersModels_AreNames) {
  EXPECT_THAT(objects("a Ford Mustang on a bridge"), ElementsAre("bridge"));
  EXPECT_THAT(objects("Volkswagen Beetle Convertible Red"), ElementsAre("convertible"));
  EXPECT_THAT(objects("Honda motorcycle beside a mustang"), ElementsAre("motorcycle", "mustang"));
}

TEST_F(CaptionParserTest, It_IsTheObjectBefore) {
  EXPECT_THAT(attributes("painted the shed!! it turned out pale blue"),
              ElementsAre("pale blue>shed"));
  EXPECT_THAT(attributes("it is green"), IsEmpty());
}

TEST_F(CaptionParserTest, OtherKindsOfWords_AreKnown) {
  EXPECT_THAT(objects("graffiti at a junkyard"), ElementsAre("graffiti", "junkyard"));
  EXPECT_THAT(objects("dew drops, and the reflection of a hilltop"),
              ElementsAre("dewdrop", "reflection", "hilltop"));
  EXPECT_THAT(objects("a ring with cubic zirconia"), ElementsAre("ring", "cubic zirconia"));
  EXPECT_THAT(objects("flat lay of a scarf, etching of a barn"), ElementsAre("scarf", "barn"));
  EXPECT_THAT(objects("salmon on a bed of rice"), ElementsAre("salmon", "rice"));
  EXPECT_THAT(objects("office people at a bus stop"), ElementsAre("person", "bus stop"));
}

TEST_F(CaptionParserTest, Names_GiveTheirCommonNoun) {
  EXPECT_THAT(objects("a picnic near Lake Zurnov with our Zurnov kayak"),
              ElementsAre("lake", "kayak"));
  EXPECT_THAT(objects("we met her in Nice"), IsEmpty());
}

TEST_F(CaptionParserTest, HashtagsAndFileNames_Count) {
  EXPECT_THAT(objects("#kayak #nofilter #river"), ElementsAre("kayak", "river"));
  EXPECT_THAT(objects("green_teapot.jpg"), ElementsAre("teapot"));
  EXPECT_THAT(attributes("green_teapot.jpg"), ElementsAre("green>teapot"));
}

TEST_F(CaptionParserTest, OtherLanguage_HasNoTags) {
  const CaptionTags tags = parse("Ziegen auf der Weide mit dem Hirten");
  EXPECT_FALSE(tags.english);
  EXPECT_THAT(tags.objects, IsEmpty());
  EXPECT_TRUE(parse("a goat").english);
}

TEST_F(CaptionParserTest, StrangeText_IsSurvived) {
  for (const char* caption :
       {"",         " ",      "'",    "''s",     "-",       "a",        "the",          "of of of",
        "&&&&;;;;", "<<<>>>", "[[[",  "a's b's", "#",       "####",     "\xff\xff\xff", "1 2 3",
        "and and",  "_.jpg",  ".jpg", "w/",      "made of", "is is is", "is red",       "of straw"})
    parse(caption);
  std::string noise;
  for (int i = 0; i < 3000; ++i) noise += static_cast<char>((i * 7919 + i / 13) % 256);
  parse(noise);
}

TEST_F(CaptionParserTest, OtherPeoplesTags_AreNormalised) {
  CaptionParser parser(vocabulary());
  EXPECT_EQ(parser.normal_object("Teddy Bears"), "teddy bear");
  EXPECT_EQ(parser.normal_object("old man"), "man");
  EXPECT_EQ(parser.normal_object("sunset"), "");
  EXPECT_EQ(parser.normal_object("Zurnovs"), "zurnovs") << "nobody knows it";
  EXPECT_EQ(parser.normal_object(" , "), "");
  EXPECT_EQ(parser.normal_attribute("Dark  Red!"), "dark red");
}

}  // namespace
}  // namespace tagalign::data
