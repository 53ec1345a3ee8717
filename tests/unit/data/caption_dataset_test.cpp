#include "data/datasets/caption_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/datasets/csv.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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
  EXPECT_THAT(dataset->notices(), ElementsAre("1 of 3 images have no tag entry and are left out"));
}

TEST_F(CaptionDatasetTest, BadUtf8_IsReplacedAndCounted) {
  const auto dataset = open("file,caption\na.png,caf\xe9 au lait\nb.png,caf\xc3\xa9\n");
  ASSERT_TRUE(dataset.ok());
  EXPECT_EQ(dataset->record(0).caption, "caf\xef\xbf\xbd au lait");
  EXPECT_EQ(dataset->record(1).caption, "caf\xc3\xa9");
  EXPECT_THAT(dataset->notices(),
              ElementsAre(HasSubstr("captions.csv: 1 of 2 captions hold bytes that are not "
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
  EXPECT_THAT(error("file,caption\na.png,\"x\" y\n"),
              HasSubstr("captions.csv:2: expected a comma"));
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
  EXPECT_THAT(error("file,caption\na.png,x\n", "{\"a.png\": [-1]}"), HasSubstr("tag index -1"));
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

TEST_F(CaptionDatasetTest, MissingFile_IsNotFound) {
  CaptionDatasetOptions options{.root = folder_.path(), .captions = folder_.path() / "none.csv"};
  EXPECT_EQ(CaptionDataset::open(posix_file_system(), options).status().code(),
            ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tagalign::data
