#include "data/datasets/caption_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/checksum.h"
#include "base/format.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class CaptionDatasetTest : public ::testing::Test {
 protected:
  Result<CaptionDataset> open(std::string_view csv, std::string_view tags = "",
                              std::string_view names = "dog\ncat\n") {
    CaptionDatasetOptions options{.root = folder_.path() / "images"};
    options.captions = folder_.write("captions.csv", csv);
    if (!tags.empty()) {
      options.tags = folder_.write("tags.json", tags);
      options.tag_names = folder_.write("names.txt", names);
    }
    return CaptionDataset::open(posix_file_system(), options);
  }
  std::string error(std::string_view csv, std::string_view tags = "") {
    return open(csv, tags).status().message();
  }

  TemporaryFolder folder_;
};

TEST_F(CaptionDatasetTest, QuotedFields_AreReadAsRfc4180) {
  const auto dataset = open(
      "file,caption\r\na.png,\"a dog, a cat\"\r\nb.png,\"he said \"\"hi\"\"\nand "
      "left\"\r\n\r\nc.png,plain");
  ASSERT_TRUE(dataset.ok()) << dataset.status().to_string();
  ASSERT_EQ(dataset->size(), 3U);
  EXPECT_EQ(dataset->record(0).caption, "a dog, a cat");
  EXPECT_EQ(dataset->record(1).caption, "he said \"hi\"\nand left");
  EXPECT_EQ(dataset->record(2).file, "c.png");
  EXPECT_EQ(dataset->record(2).caption, "plain");
  EXPECT_THAT(dataset->notices(), IsEmpty());
}

TEST_F(CaptionDatasetTest, TagTable_AttachesTags_AndDropsImagesWithoutEntry) {
  const auto dataset =
      open("file,caption\na.png,x\nb.png,y\nc.png,z\n", R"({"c.png": [1, 0], "a.png": []})");
  ASSERT_TRUE(dataset.ok()) << dataset.status().to_string();
  ASSERT_EQ(dataset->size(), 2U);
  EXPECT_THAT(dataset->record(0).tags, IsEmpty());
  EXPECT_THAT(dataset->record(1).tags, ElementsAre(1, 0));
  EXPECT_THAT(dataset->tag_names(), ElementsAre("dog", "cat"));
  EXPECT_THAT(dataset->notices(), ElementsAre("1 of 3 images has no tag entry and is left out"));
}

TEST_F(CaptionDatasetTest, BadUtf8_IsReplacedAndCounted) {
  const auto dataset = open("file,caption\na.png,caf\xe9 au lait\nb.png,caf\xc3\xa9\n");
  ASSERT_TRUE(dataset.ok());
  EXPECT_EQ(dataset->record(0).caption, "caf\xef\xbf\xbd au lait");
  EXPECT_EQ(dataset->record(1).caption, "caf\xc3\xa9");
  EXPECT_THAT(dataset->notices(),
              ElementsAre(HasSubstr("captions.csv: 1 of 2 captions holds bytes that are not "
                                    "UTF-8, the first is that of a.png")));
}

TEST_F(CaptionDatasetTest, ChineseCaption_StaysWithItsImageAndTags) {
  const auto dataset =
      open("file,caption\na.png,\xe7\x8b\x97\nb.png,cat\n", R"({"a.png": [0], "b.png": [1]})");
  ASSERT_TRUE(dataset.ok());
  EXPECT_EQ(dataset->record(0).caption, "\xe7\x8b\x97");
  EXPECT_THAT(dataset->record(0).tags, ElementsAre(0));
}

TEST_F(CaptionDatasetTest, WrongHeader_NamesFileAndBothHeaders) {
  EXPECT_THAT(error("image,text\na.png,x\n"),
              HasSubstr("captions.csv:1: expected the header 'file,caption', found 'image,text'"));
  EXPECT_THAT(error(""), HasSubstr("found an empty file"));
}

TEST_F(CaptionDatasetTest, WrongColumns_NameTheLineOnWhichTheRecordBegins) {
  EXPECT_THAT(error("file,caption\na.png,\"two\nlines\"\nb.png,a dog, a cat\n"),
              HasSubstr("captions.csv:4: expected two columns"));
  EXPECT_THAT(error("file,caption\n,no name\n"), HasSubstr("captions.csv:2"));
}

TEST_F(CaptionDatasetTest, UnclosedQuote_NamesTheLineItOpens) {
  EXPECT_THAT(error("file,caption\na.png,x\nb.png,\"never\nclosed\n"),
              HasSubstr("captions.csv:3: a quote opened here"));
  EXPECT_THAT(error("\"file,caption\na.png,x\n"), HasSubstr("captions.csv:1: a quote opened here"));
}

TEST_F(CaptionDatasetTest, UnclosedQuoteOnTheLastLine_IsReadAsPythonDoes_WithANotice) {
  const auto dataset = open("file,caption\na.png,x\nb.png,\"cut he\n");
  ASSERT_TRUE(dataset.ok()) << dataset.status().to_string();
  EXPECT_EQ(dataset->record(1).caption, "cut he");
  EXPECT_THAT(dataset->notices(), ElementsAre(HasSubstr("reads that: line 3")));
}

TEST_F(CaptionDatasetTest, TextBehindAQuote_IsReadAsPythonDoes_WithACountedNotice) {
  const auto dataset = open(
      "file,caption\na.jpg,\"Hello\" she said\nb.jpg,a box\nc.jpg,\"a red \"\"ball\"\"\" \n"
      "d.jpg,\"x\"y\"z\ne.jpg,say \"hi\", you\n\"f.jpg\" ,\"\"\n");
  ASSERT_FALSE(dataset.ok()) << "one row has three columns, one in six";
  const auto even = open(
      "file,caption\na.jpg,\"Hello\" she said\nb.jpg,a box\nc.jpg,\"a red \"\"ball\"\"\" \n"
      "d.jpg,\"x\"y\"z\ne.jpg,say \"hi\"\n\"f.jpg\" ,\"\"\n");
  ASSERT_TRUE(even.ok()) << even.status().to_string();
  std::vector<std::string> captions;
  for (std::size_t i = 0; i < even->size(); ++i) captions.emplace_back(even->record(i).caption);
  EXPECT_THAT(captions,
              ElementsAre("Hello she said", "a box", "a red \"ball\" ", "xy\"z", "say \"hi\"", ""));
  EXPECT_EQ(even->record(5).file, "f.jpg ");
  EXPECT_THAT(even->notices(),
              ElementsAre(AllOf(HasSubstr("4 of 6 rows"), HasSubstr("lines 2, 4, 5, 7")),
                          HasSubstr("1 caption is empty")));
}

TEST_F(CaptionDatasetTest, CarriageReturnsAlone_EndLines) {
  const auto dataset = open("file,caption\ra.jpg,a dog\rb.jpg,\"two\rlines\"\r");
  ASSERT_TRUE(dataset.ok()) << dataset.status().to_string();
  ASSERT_EQ(dataset->size(), 2U);
  EXPECT_EQ(dataset->record(0).caption, "a dog");
  EXPECT_EQ(dataset->record(1).caption, "two\rlines");
}

TEST_F(CaptionDatasetTest, Columns_AreFoundByTheirNames) {
  const auto pandas = open(",file,caption\n0,a.jpg,a dog\n1,b.jpg,a cat\n");
  ASSERT_TRUE(pandas.ok()) << pandas.status().to_string();
  EXPECT_EQ(pandas->record(1).file, "b.jpg");
  EXPECT_EQ(pandas->record(1).caption, "a cat");
  const auto other = open(
      "\xef\xbb\xbf"
      "caption, width,\"file\"\na dog,3,a.jpg\n");
  ASSERT_TRUE(other.ok()) << other.status().to_string();
  EXPECT_EQ(other->record(0).file, "a.jpg");
  EXPECT_EQ(other->record(0).caption, "a dog");
}

TEST_F(CaptionDatasetTest, WrongHeader_IsShownAsItIs_OnOnePrintableLine) {
  EXPECT_THAT(error(",files,caption\n"), HasSubstr("found ',files,caption'; add it"));
  EXPECT_THAT(error("file,file,caption\n"), HasSubstr("found 'file,file,caption'"));
  EXPECT_THAT(error("fi\x1b[31mle,caf\xe9\n"), HasSubstr("found 'fi\\x1b[31mle,caf\\xe9'"));
}

TEST_F(CaptionDatasetTest, Utf16_IsNamed_WithAWayToConvertIt) {
  using namespace std::string_literals;
  const auto wide = [](std::string_view text, bool big) {
    std::string out;
    for (const char c : text) out += big ? "\0"s + c : c + "\0"s;
    return out;
  };
  const std::string csv = "file,caption\r\na.jpg,a dog\r\n";
  for (const std::string& text : {"\xff\xfe"s + wide(csv, false), "\xfe\xff"s + wide(csv, true),
                                  wide(csv, false), wide(csv, true)}) {
    const std::string message = error(text);
    EXPECT_THAT(message, AllOf(HasSubstr("captions.csv: expected text in UTF-8, found UTF-16"),
                               HasSubstr("iconv -f UTF-16")));
    EXPECT_EQ(message.find_first_of("\0\xff\xfe"s), std::string::npos);
  }
  EXPECT_THAT(
      open("file,caption\na,x\n", wide("{}", false) + wide("   ", false)).status().message(),
      HasSubstr("tags.json: expected text in UTF-8"));
  EXPECT_THAT(open("file,caption\na,x\n", "{}", wide("dog\ncat\n", true)).status().message(),
              HasSubstr("names.txt: expected text in UTF-8"));
}

TEST_F(CaptionDatasetTest, FewUnevenRows_AreLeftOutAndCounted) {
  std::string csv = "file,caption\n";
  for (int i = 0; i < 300; ++i) csv += std::to_string(i) + ".jpg,caption\n";
  const auto dataset = open(csv + "x.jpg,a dog, a cat\nalone\n,no file\ny.jpg,the last\n");
  ASSERT_TRUE(dataset.ok()) << dataset.status().to_string();
  ASSERT_EQ(dataset->size(), 301U);
  EXPECT_EQ(dataset->record(300).caption, "the last");
  EXPECT_THAT(dataset->notices(),
              ElementsAre(AllOf(HasSubstr("3 of 304 rows"), HasSubstr("lines 302, 303, 304"))));
}

TEST_F(CaptionDatasetTest, ManyUnevenRows_AreRefused_AllNamedAtOnce) {
  const std::string message = error("file,caption\na,x\nb,y,z\nc,x\nd\n,e\n");
  EXPECT_THAT(message,
              HasSubstr("captions.csv:3: expected two columns, file and caption, found 3"));
  EXPECT_THAT(message, HasSubstr("3 of 5 rows are uneven, on lines 3, 5, 6"));
}

TEST_F(CaptionDatasetTest, EmptyLineBetweenTagNames_IsRefused_BecauseItWouldShiftTheIndices) {
  const auto names = [&](std::string_view list) {
    return open("file,caption\na.jpg,x\n", R"({"a.jpg": [1]})", list);
  };
  for (const char* list : {"bird\n\ndog\n", "bird\r\n \t\r\ndog\r\n", "bird\n\"\"\ndog"}) {
    EXPECT_THAT(names(list).status().message(),
                HasSubstr("names.txt:2: expected a tag, found an empty line"));
  }
  EXPECT_THAT(names("\nbird\ndog\n").status().message(), HasSubstr("names.txt:1: expected a tag"));
  const auto trailing = names("bird\ndog\n\n\n");
  ASSERT_TRUE(trailing.ok()) << trailing.status().to_string();
  EXPECT_THAT(trailing->tag_names(), ElementsAre("bird", "dog"));
}

/// A prompt with U+FFFD in it would be learnt without a word.
TEST_F(CaptionDatasetTest, TagNamesThatAreNoUtf8_AreRefusedWithTheirLine) {
  EXPECT_THAT(
      open("file,caption\na.jpg,x\n", R"({"a.jpg": [1]})", "bird\ncaf\xe9\n").status().message(),
      AllOf(HasSubstr("names.txt:2: expected text in UTF-8, found byte e9"), HasSubstr("iconv")));
}

TEST_F(CaptionDatasetTest, BrokenJson_NamesFileAndLine) {
  EXPECT_THAT(error("file,caption\na.png,x\n", "{\"a.png\": [0],\n \"b.png\": [1,,]}"),
              HasSubstr("tags.json:2"));
  EXPECT_THAT(error("file,caption\na.png,x\n", "[]"), HasSubstr("tags.json:1"));
  EXPECT_THAT(error("file,caption\na.png,x\n", "{\"a.png\": \"dog\"}"),
              HasSubstr("the text \"dog\""));
}

TEST_F(CaptionDatasetTest, TagOutOfRange_NamesIndexAndNumberOfNames) {
  EXPECT_THAT(error("file,caption\na.png,x\n", "{\n\"a.png\": [2]}"), HasSubstr("tags.json:2"));
  EXPECT_THAT(error("file,caption\na.png,x\n", "{\"a.png\": [2]}"),
              HasSubstr("tag index 2, but there are 2 tag names"));
  for (const char* index : {"-1", "4294967296", "2147483648", "18446744073709551615",
                            "-9223372036854775808", "9223372036854775808"}) {
    EXPECT_THAT(error("file,caption\na.png,x\n", format("{{\"a.png\": [{}]}}", index)),
                HasSubstr(format("tag index {}, but there are 2 tag names", index)));
  }
}

TEST_F(CaptionDatasetTest, NoRecordLeft_SaysWhatToCheck) {
  EXPECT_THAT(error("file,caption\na.png,x\n", R"({"images/b.png": [0]})"),
              HasSubstr("no record is left of 1"));
  EXPECT_FALSE(open("file,caption\n").ok());
}

TEST_F(CaptionDatasetTest, Digest_DependsOnOrderCaptionsAndTags) {
  const auto digest = [&](std::string_view csv, std::string_view tags) {
    return open(csv, tags).value().digest();
  };
  const std::string base = digest("file,caption\na,x\nb,y\n", R"({"a": [0], "b": [1]})");
  EXPECT_EQ(base, digest("file,caption\r\n\"a\",x\r\nb,y\r\n", R"({"b": [1], "a": [0]})"));
  EXPECT_NE(base, digest("file,caption\nb,y\na,x\n", R"({"a": [0], "b": [1]})"));
  EXPECT_NE(base, digest("file,caption\na,x\nb,z\n", R"({"a": [0], "b": [1]})"));
  EXPECT_NE(base, digest("file,caption\na,x\nb,y\n", R"({"a": [0], "b": [0]})"));
}

TEST_F(CaptionDatasetTest, Digest_WithoutAttributes_IsThatOfTheTextThatItAlwaysWas) {
  const auto dataset = open("file,caption\na,xy\nb,\n", R"({"a": [1, 0], "b": []})");
  ASSERT_TRUE(dataset.ok()) << dataset.status().to_string();
  EXPECT_EQ(dataset->digest(), digest128(as_bytes("1:a2:xy2[1,0,1:b0:0[3:dog3:cat")).hex());
}

/// A second list beside the first.
class AttributesTest : public CaptionDatasetTest {
 protected:
  Result<CaptionDataset> open_both(std::string_view attributes,
                                   std::string_view names = "red\nold\nbig\n") {
    CaptionDatasetOptions options{.root = folder_.path() / "images"};
    options.captions = folder_.write("captions.csv", "file,caption\na.png,x\nb.png,y\nc.png,z\n");
    options.tags = folder_.write("tags.json", R"({"a.png": [0], "b.png": [1]})");
    options.tag_names = folder_.write("names.txt", "dog\ncat\n");
    options.attributes = folder_.write("attributes.json", attributes);
    options.attribute_names = folder_.write("attribute_names.txt", names);
    return CaptionDataset::open(posix_file_system(), options);
  }
};

TEST_F(AttributesTest, ImageWithoutEntry_Stays_HasNone_AndIsCounted) {
  const auto dataset = open_both(R"({"b.png": [2, 0], "c.png": [1]})");
  ASSERT_TRUE(dataset.ok()) << dataset.status().to_string();
  ASSERT_EQ(dataset->size(), 2U) << "objects alone leave images out";
  EXPECT_THAT(dataset->record(0).attributes, IsEmpty());
  EXPECT_THAT(dataset->record(0).tags, ElementsAre(0));
  EXPECT_THAT(dataset->record(1).attributes, ElementsAre(2, 0));
  EXPECT_THAT(dataset->record(1).tags, ElementsAre(1));
  EXPECT_THAT(dataset->attribute_names(), ElementsAre("red", "old", "big"));
  EXPECT_THAT(dataset->notices(),
              ElementsAre("1 of 3 images has no tag entry and is left out",
                          "1 of 2 images has no attribute entry and is used without"));
}

TEST_F(AttributesTest, OtherNamesOfAnImage_FindItsAttributes_AndAreTold) {
  const auto dataset = open_both(R"({"a": [0], "train/b.png": [1]})");
  ASSERT_TRUE(dataset.ok()) << dataset.status().to_string();
  EXPECT_THAT(dataset->record(0).attributes, ElementsAre(0));
  EXPECT_THAT(dataset->record(1).attributes, ElementsAre(1));
  EXPECT_THAT(dataset->notices(),
              UnorderedElementsAre(
                  AllOf(HasSubstr("attributes.json: 0 images take their attributes by file "
                                  "name, 0 by URL, 1 by key, 1 by the last part")),
                  HasSubstr("has no tag entry")));
}

TEST_F(AttributesTest, ListOfAnotherSet_IsRefusedWithExamplesOfBothSides) {
  for (const char* list : {R"({"other.png": [0]})", "{}"}) {
    const Status status = open_both(list).status();
    EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(status.message(),
                AllOf(HasSubstr("attributes.json: expected entries for the images of"),
                      HasSubstr("found none for any of 2"), HasSubstr("images: a.png, b.png"),
                      HasSubstr(std::string_view(list).size() > 2 ? "other.png" : "none")));
  }
}

TEST_F(AttributesTest, BrokenFiles_AreNamedAsThoseOfTagsAre) {
  EXPECT_THAT(open_both("{\n\"a.png\": [3]}").status().message(),
              AllOf(HasSubstr("attributes.json:2"), HasSubstr("tag index 3, but there are 3")));
  EXPECT_THAT(open_both(R"({"a.png": [0]})", "red\n\nold\n").status().message(),
              HasSubstr("attribute_names.txt:2: expected a tag, found an empty line"));
  CaptionDatasetOptions options{.root = folder_.path(),
                                .captions = folder_.path() / "captions.csv"};
  options.attributes = folder_.path() / "attributes.json";
  EXPECT_THAT(CaptionDataset::open(posix_file_system(), options).status().message(),
              HasSubstr("attributes and attribute names belong together, but only attributes is "
                        "given"));
}

TEST_F(AttributesTest, Digest_DependsOnIndicesAndNames_AndTellsTheListsApart) {
  const std::string all = R"({"a.png": [0], "b.png": [1]})";
  const std::string digest = open_both(all).value().digest();
  EXPECT_EQ(open_both(R"({"b.png": [1], "a.png": [0], "z.png": [2]})").value().digest(), digest);
  EXPECT_NE(open_both(R"({"a.png": [0], "b.png": [2]})").value().digest(), digest);
  EXPECT_NE(open_both(all, "red\nold\nsmall\n").value().digest(), digest);
  EXPECT_NE(open_both(R"({"a.png": [0], "b.png": []})").value().digest(), digest);
  CaptionDatasetOptions options{.root = folder_.path() / "images"};
  options.captions = folder_.path() / "captions.csv";
  const Path list = folder_.write("list.json", R"({"a.png": [0], "b.png": [1], "c.png": [0]})");
  const Path names = folder_.write("list.txt", "red\nold\n");
  auto as_tags = options, as_attributes = options;
  as_tags.tags = as_attributes.attributes = list;
  as_tags.tag_names = as_attributes.attribute_names = names;
  EXPECT_NE(CaptionDataset::open(posix_file_system(), as_tags)->digest(),
            CaptionDataset::open(posix_file_system(), as_attributes)->digest());
}

TEST_F(CaptionDatasetTest, MissingFile_IsNotFound) {
  CaptionDatasetOptions options{.root = folder_.path(), .captions = folder_.path() / "none.csv"};
  EXPECT_EQ(CaptionDataset::open(posix_file_system(), options).status().code(),
            ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tagalign::data
