#include "model/clip/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "model/clip/byte_pairs.h"

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

}  // namespace
}  // namespace tagalign::model
