#include "model/clip/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "model/clip/byte_pairs.h"
#include "model/clip/html_entities.h"
#include "model/clip/text_clean.h"

namespace tagalign::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Ids = std::vector<std::int32_t>;

const Tokenizer& tokenizer() {
  static const Tokenizer loaded =
      Tokenizer::load(posix_file_system(), default_vocabulary()).value();
  return loaded;
}

std::string cleaned(std::string_view text) {
  return encode_utf8(clean_text(text));
}

TEST(Tokenizer, Caption_GivesClipsIds) {
  EXPECT_EQ(tokenizer().encode("a photo of a dog."),
            (Ids{49406, 320, 1125, 539, 320, 1929, 269, 49407}));
  EXPECT_EQ(tokenizer().encode("  A\tPhoto\nof a DOG. "), tokenizer().encode("a photo of a dog."));
}

TEST(Tokenizer, EmptyText_IsStartAndEnd) {
  EXPECT_THAT(tokenizer().encode(""), ElementsAre(49406, 49407));
  EXPECT_THAT(tokenizer().encode(" \n"), ElementsAre(49406, 49407));
}

TEST(Tokenizer, LongText_IsCutAndStillEnds) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "dog ";
  const Ids ids = tokenizer().encode(text, 10);
  ASSERT_EQ(ids.size(), 10u);
  EXPECT_EQ(ids.back(), Tokenizer::kEndOfText);
  EXPECT_EQ(ids[8], 1929);
}

TEST(Tokenizer, BytesThatAreNotUtf8_BecomeReplacementCharacters) {
  EXPECT_EQ(tokenizer().encode("dog \xFF cat"), tokenizer().encode("dog \uFFFD cat"));
  EXPECT_EQ(tokenizer().encode("dog \xE2\x82 cat"), tokenizer().encode("dog \uFFFD cat"));
}

TEST(Tokenizer, HugeWord_IsEncodedInReasonableTime) {
  EXPECT_EQ(tokenizer().encode(std::string(1u << 20, 'z')).size(), 77u);
}

TEST(Tokenizer, EncodePadded_FillsRowsWithZeros) {
  const auto ids = tokenizer().encode_padded({"dog", "a dog"}, 5);
  EXPECT_THAT(ids, ElementsAre(49406, 1929, 49407, 0, 0, 49406, 320, 1929, 49407, 0));
}

TEST(Tokenizer, SeveralThreads_GiveEqualIds) {
  const Ids expected = tokenizer().encode("two unseen words: quokka wombat");
  std::vector<Ids> found(4);
  std::vector<std::thread> threads;
  for (Ids& ids : found) {
    threads.emplace_back([&ids] { ids = tokenizer().encode("two unseen words: quokka wombat"); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Ids& ids : found) EXPECT_EQ(ids, expected);
}

TEST(Tokenizer, MissingVocabulary_NamesTheFileAndTheVariable) {
  const auto loaded = Tokenizer::load(posix_file_system(), "/nonexistent/bpe.txt.gz");
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.status().code(), ErrorCode::kNotFound);
  EXPECT_THAT(loaded.status().message(), ::testing::AllOf(HasSubstr("/nonexistent/bpe.txt.gz"),
                                                          HasSubstr("TAGALIGN_VOCABULARY")));
}

TEST(Tokenizer, VocabularyThatIsNoGzip_IsRefused) {
  std::string folder = (std::filesystem::temp_directory_path() / "vocabulary-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const Path file = Path(folder) / "bpe.txt.gz";
  std::ofstream(file) << "#version: 0.2\ni n\n";
  const auto loaded = Tokenizer::load(posix_file_system(), file);
  std::filesystem::remove_all(folder);
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.status().code(), ErrorCode::kDataLoss);
  EXPECT_THAT(loaded.status().message(), HasSubstr("gzip"));
}

TEST(BytePairs, ShortMergeList_SaysHowManyThereAre) {
  EXPECT_THAT(BytePairs::parse("#version\ni n\nt h\n").status().message(), HasSubstr("found 2"));
  EXPECT_THAT(BytePairs::parse("#version\nin xyz\n").status().message(), HasSubstr("line 2"));
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

TEST(UnescapeHtml, NumbersOutsideUnicode_BecomeReplacementOrNothing) {
  EXPECT_EQ(unescape_html(U"&#0;&#x110000;&#xD800;"), U"\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(unescape_html(U"a&#1;b&#xFFFE;c&#150;"), U"abc\u2013");
  EXPECT_EQ(unescape_html(U"& &; &# &#x; &unknown;"), U"& &; &# &#x; &unknown;");
}

}  // namespace
}  // namespace tagalign::model
