// Readers of WordNet's files and of the lists of words: good, damaged, missing.
#include "data/tags/words/wordnet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "data/tags/words/lists.h"
#include "tests/unit/data/temporary_folder.h"
#include "tests/unit/tags/vocabulary_fixture.h"

namespace tagalign::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A dictionary of four nouns: goose (animal), idea (cognition), Oslo (a name), turkey (a name
/// first, then a bird).
class SmallWordNet : public ::testing::Test {
 protected:
  SmallWordNet() {
    std::string data = "  1 licence\n";
    std::string index = "  1 licence\n";
    const auto add = [&](const std::string& lemma, const std::vector<std::string>& senses) {
      index += format("{} n {} 1 @ {} 0", lemma, senses.size(), senses.size());
      for (const std::string& sense : senses) {
        index += format(" {:08}", data.size());
        data += format("{:08} {} 0 001 @ 00000000 n 0000 | a thing\n", data.size(), sense);
      }
      index += "\n";
    };
    add("goose", {"05 n 01 goose"});
    add("idea", {"09 n 01 idea"});
    add("oslo", {"15 n 01 Oslo"});
    add("turkey", {"15 n 01 Turkey", "05 n 01 turkey"});
    folder_.write("data.noun", data);
    folder_.write("index.noun", index);
    for (const char* name :
         {"index.verb", "index.adj", "index.adv", "verb.exc", "adj.exc", "adv.exc"})
      folder_.write(name, "");
    folder_.write("noun.exc", "geese goose\n");
    folder_.write("cntlist.rev", "goose%1:05:00:: 1 3\ngoose%1:05:01:: 2 4\n");
  }

  Result<WordNet> open() { return WordNet::open(posix_file_system(), folder_.path()); }

  TemporaryFolder folder_;
};

TEST_F(SmallWordNet, Words_HaveSensesCountsAndIrregularForms) {
  const auto wordnet = open();
  ASSERT_TRUE(wordnet.ok()) << wordnet.status().message();
  const WordEntry* goose = wordnet->find("goose");
  ASSERT_NE(goose, nullptr);
  EXPECT_TRUE(goose->is_a(WordClass::kNoun));
  EXPECT_FALSE(goose->is_a(WordClass::kVerb));
  EXPECT_EQ(goose->count(WordClass::kNoun), 7u) << "over all senses";
  EXPECT_TRUE(names_something_visible(*goose));
  EXPECT_TRUE(names_a_kind(*goose));
  EXPECT_FALSE(names_something_visible(*wordnet->find("idea")));
  EXPECT_THAT(wordnet->irregular(WordClass::kNoun, "geese"), ElementsAre("goose"));
  EXPECT_THAT(wordnet->irregular(WordClass::kNoun, "goose"), IsEmpty());
  EXPECT_EQ(wordnet->find("gander"), nullptr);
}

TEST_F(SmallWordNet, Names_AreToldByTheirCapitals) {
  const auto wordnet = open();
  ASSERT_TRUE(wordnet.ok()) << wordnet.status().message();
  EXPECT_TRUE(wordnet->find("oslo")->proper);
  EXPECT_TRUE(names_one(*wordnet->find("oslo")));
  EXPECT_FALSE(wordnet->find("turkey")->proper) << "a bird as well";
  EXPECT_TRUE(names_a_kind(*wordnet->find("turkey")));
}

TEST_F(SmallWordNet, AbsentFile_IsNamedWithTheCure) {
  std::filesystem::remove(folder_.path() / "index.noun");
  const auto wordnet = open();
  EXPECT_EQ(wordnet.status().code(), ErrorCode::kNotFound);
  EXPECT_THAT(wordnet.status().message(),
              AllOf(HasSubstr("index.noun"), HasSubstr("wordnet-base"), HasSubstr("--wordnet")));
}

TEST_F(SmallWordNet, OffsetBehindTheEnd_MakesAnInvisibleNoun) {
  folder_.write("index.noun", "goose n 1 1 @ 1 0 99999999\n");
  const auto wordnet = open();
  ASSERT_TRUE(wordnet.ok()) << wordnet.status().message();
  EXPECT_FALSE(names_something_visible(*wordnet->find("goose")));
}

TEST_F(SmallWordNet, BrokenLine_IsQuoted) {
  folder_.write("index.noun", "goose n one\n");
  EXPECT_THAT(open().status().message(), AllOf(HasSubstr("index.noun"), HasSubstr("goose n one")));
  folder_.write("index.noun", "goose n 1 9 @ 1 0 00000000\n");
  EXPECT_EQ(open().status().code(), ErrorCode::kInvalidArgument) << "nine pointers, one there";
}

TEST(TagLists, ShippedOnes_AreWhole) {
  const auto lists = TagLists::open(posix_file_system(), lists_folder());
  ASSERT_TRUE(lists.ok()) << lists.status().message();
  EXPECT_TRUE(lists->stop.contains("sunset"));
  EXPECT_EQ(lists->spellings.at("grey"), "gray");
  for (const std::string& word : lists->keep)
    EXPECT_FALSE(lists->stop.contains(word)) << word << " is kept and stopped";
  for (const std::string& word : lists->visible)
    EXPECT_FALSE(lists->not_visible.contains(word)) << word << " is visible and not";
}

TEST(TagLists, UnknownSectionOrStrayEntry_IsNamedByLine) {
  TemporaryFolder folder;
  std::filesystem::copy(lists_folder(), folder.path(), std::filesystem::copy_options::recursive);
  const auto problem = [&](std::string_view nouns) {
    folder.write("nouns.txt", nouns);
    return TagLists::open(posix_file_system(), folder.path()).status().message();
  };
  EXPECT_THAT(problem("# nouns\n[kept]\n"), AllOf(HasSubstr("nouns.txt:2"), HasSubstr("[kept]")));
  EXPECT_THAT(problem("dog\n[keep]\n"), HasSubstr("nouns.txt:1"));
  EXPECT_THAT(problem("[keep]\ndog\n"), HasSubstr("[stop]")) << "a section is missing";
  folder.write("text.txt", "[spellings]\ngrey\n");
  std::filesystem::copy(lists_folder() / "nouns.txt", folder.path() / "nouns.txt",
                        std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(TagLists::open(posix_file_system(), folder.path()).status().message(),
              AllOf(HasSubstr("text.txt:2"), HasSubstr("written = meant")));
}

}  // namespace
}  // namespace tagalign::data
