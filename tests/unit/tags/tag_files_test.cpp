// What data tags reads and writes, and that no number of parts changes it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/format.h"
#include "data/datasets/caption_dataset.h"
#include "data/tags/files/caption_files.h"
#include "data/tags/files/tag_counts.h"
#include "data/tags/files/tag_parsing.h"
#include "tests/unit/data/temporary_folder.h"
#include "tests/unit/tags/vocabulary_fixture.h"
#include "worker/captions/tags_job.h"

namespace tagalign::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string contents(const Path& path) {
  return posix_file_system().read_file(path, 1u << 30).value();
}

// ---------------------------------------------------------------- captions

class CaptionFilesTest : public ::testing::Test {
 protected:
  /// "key=caption" of all rows, those of a TSV with "url " before them.
  std::vector<std::string> read(const std::vector<Path>& paths) {
    auto captions = CaptionFiles::open(posix_file_system(), paths);
    if (!captions.ok()) return {captions.status().message()};
    std::vector<CaptionRow> rows;
    for (std::size_t before = 1; before != rows.size();) {
      before = rows.size();
      if (const Status status = captions->read(1000, rows); !status.ok()) return {status.message()};
    }
    broken_ = captions->broken();
    std::vector<std::string> texts;
    for (const CaptionRow& row : rows)
      texts.push_back((row.is_url() ? "url " : "") + row.key() + "=" + row.caption);
    return texts;
  }

  TemporaryFolder folder_;
  BrokenLines broken_;
};

TEST_F(CaptionFilesTest, EachFormat_IsToldByItsFirstLine) {
  const Path csv =
      folder_.write("a", "file,caption\r\na.jpg,\"a goat,\na \"\"hut\"\"\"\r\nb.jpg,b\n");
  const Path tsv = folder_.write("b", "http://x/1.jpg\ta\tgoat\nhttp://x/2.jpg\t");
  const Path lines =
      folder_.write("c", "{\"id\": 7, \"caption\": \"c\"}\n\n{\"key\":\"k\",\"caption\":\"d\"}");
  EXPECT_THAT(read({csv, tsv, lines}),
              ElementsAre("a.jpg=a goat,\na \"hut\"", "b.jpg=b", "url http://x/1.jpg=a\tgoat",
                          "url http://x/2.jpg=", "7=c", "k=d"));
  EXPECT_EQ(broken_.count, 0u);
}

TEST_F(CaptionFilesTest, BrokenLines_AreCountedAndTheFirstIsNamed) {
  const Path tsv = folder_.write("b.tsv", "http://x/1.jpg\ta\nnothing here\n\tno url\nu\tb\n");
  EXPECT_THAT(read({tsv}), ElementsAre("url http://x/1.jpg=a", "u=b"));
  EXPECT_EQ(broken_.count, 2u);
  EXPECT_THAT(broken_.first, AllOf(HasSubstr("b.tsv:2"), HasSubstr("nothing here")));
  std::string rows = "file,caption\na,b,c\n";
  for (int i = 0; i < 100; ++i) rows += format("{},e\n", i);
  EXPECT_EQ(read({folder_.write("a.csv", rows)}).size(), 100u);
  EXPECT_EQ(broken_.count, 1u);
  EXPECT_THAT(broken_.first, HasSubstr("a.csv:2"));
}

TEST_F(CaptionFilesTest, FileOfNoFormat_IsRefusedWithTheThree) {
  const Path file = folder_.write("a", "just text\n");
  EXPECT_THAT(read({file}).at(0), AllOf(HasSubstr("file,caption"), HasSubstr("URL, tab, caption"),
                                        HasSubstr("JSON lines"), HasSubstr("just text")));
  EXPECT_THAT(read({folder_.write("b", "")}).at(0), HasSubstr("found an empty file"));
  EXPECT_THAT(read({folder_.path() / "absent"}).at(0), HasSubstr("absent"));
  const Path csv = folder_.write("c", "file,caption\na,\"never closed\nb,c\n");
  EXPECT_THAT(read({csv}).at(0), HasSubstr("never closed"));
}

TEST_F(CaptionFilesTest, FilesOfManyPieces_LoseNoRow) {
  std::string csv = "file,caption\n";
  const std::string filler(300, 'x');
  for (int i = 0; i < 40'000; ++i) csv += format("{}.jpg,\"line\n{}\"\n", i, filler);
  const auto rows = read({folder_.write("a", csv)});
  ASSERT_EQ(rows.size(), 40'000u);
  EXPECT_EQ(rows.back(), "39999.jpg=line\n" + filler);
}

// ---------------------------------------------------------------- counts

TEST(TagCountsTest, Ordered_GoesByCountThenBytes) {
  TagCounts counts;
  for (const char* tag : {"b", "a", "b", "c", "a", "d"}) counts.add(tag);
  const auto all = ordered(counts);
  EXPECT_THAT(all,
              ElementsAre(TagCount{"a", 2}, TagCount{"b", 2}, TagCount{"c", 1}, TagCount{"d", 1}));
  EXPECT_THAT(kept(all, {.tags_max = 3, .captions_min = 2}),
              ElementsAre(TagCount{"a", 2}, TagCount{"b", 2}));
  EXPECT_THAT(kept(all, {.tags_max = 2, .captions_min = 1, .drop_most_frequent = 1}),
              ElementsAre(TagCount{"b", 2}, TagCount{"c", 1}));
  EXPECT_THAT(kept(all, {.tags_max = 9, .captions_min = 1, .drop_most_frequent = 9}), IsEmpty());
}

// ---------------------------------------------------------------- the whole job

class TagsJob : public ::testing::Test {
 protected:
  void SetUp() override { TA_REQUIRE_WORDNET(); }

  Result<bool> run() {
    out_.str("");
    jobs::DataWorld world{posix_file_system(), clock_, out_, err_, false};
    arguments_.config_folders = {folder_.path() / "nowhere", lists_folder().parent_path()};
    arguments_.options.output = folder_.path() / "tags";
    return jobs::run_data_tags(world, arguments_);
  }
  std::string output(const std::string& name) { return contents(folder_.path() / "tags" / name); }
  std::vector<std::string> outputs() {
    return posix_file_system().list_directory(folder_.path() / "tags").value();
  }

  TemporaryFolder folder_;
  ManualClock clock_;
  std::ostringstream out_;
  std::ostringstream err_;
  jobs::TagsArguments arguments_{.options = {.objects = {.tags_max = 100, .captions_min = 1},
                                             .attributes = {.tags_max = 100, .captions_min = 1}}};
};

TEST_F(TagsJob, WhatItWrites_IsWhatTrainingReads) {
  const Path csv = folder_.write("captions.csv",
                                 "file,caption\na.jpg,a red goat by a hut\nb.jpg,two goats\n"
                                 "c.jpg,hope\nd.jpg,Ziegen auf der Weide mit dem Hirten\n");
  arguments_.options.captions = {csv};
  const auto done = run();
  ASSERT_TRUE(done.ok()) << done.status().message();
  EXPECT_TRUE(*done);
  EXPECT_EQ(output("object_list.csv"), "goat\nhut\n");
  EXPECT_EQ(output("attribute_list.csv"), "red\n");
  EXPECT_EQ(output("object_counts.csv"), "tag,captions\ngoat,2\nhut,1\n");
  EXPECT_EQ(output("object_index.json"),
            "{\n\"a.jpg\": [0, 1],\n\"b.jpg\": [0],\n\"c.jpg\": [],\n\"d.jpg\": []\n}\n");
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("4 captions"), HasSubstr("without tags  2 (50.0 %)"),
                                HasSubstr("not English   1 (25.0 %)"), HasSubstr("goat 2")));
  EXPECT_THAT(err_.str(), HasSubstr("tags 100 % [####################] 4/4"));
  const auto dataset = CaptionDataset::open(posix_file_system(),
                                            {.root = folder_.path(),
                                             .captions = csv,
                                             .tags = folder_.path() / "tags/object_index.json",
                                             .tag_names = folder_.path() / "tags/object_list.csv"});
  ASSERT_TRUE(dataset.ok()) << dataset.status().message();
  EXPECT_EQ(dataset->size(), 4u) << "an image without tags stays";
  EXPECT_THAT(dataset->record(0).tags, ElementsAre(0, 1));
}

TEST_F(TagsJob, AnyNumberOfParts_GivesTheSameBytes) {
  const std::vector<std::string> things = {"goat", "hut", "kettle", "sled", "ladder", "badger"};
  std::string tsv;
  for (std::size_t i = 0; i < 40'000; ++i)
    tsv += format("http://x/{}.jpg\ta {} near a {} {}\n", i, things[i % 6],
                  i % 2 == 0 ? "red" : "wooden", things[i * i % 5]);
  arguments_.options.captions = {folder_.write("c.tsv", tsv)};
  arguments_.options.per_caption = folder_.path() / "each.jsonl";
  std::vector<std::string> results;
  for (const std::size_t threads : {1, 2, 3, 7}) {
    arguments_.options.threads = threads;
    ASSERT_TRUE(run().value());
    std::string all = contents(folder_.path() / "each.jsonl");
    for (const std::string& name : outputs()) all += name + "\n" + output(name);
    results.push_back(std::move(all));
  }
  EXPECT_THAT(outputs(),
              ElementsAre("attribute_counts.csv", "attribute_list.csv", "object_counts.csv",
                          "object_list.csv", "url_attribute_index.json", "url_object_index.json"));
  for (const std::string& each : results) EXPECT_TRUE(each == results.front());
}

/// Captions for some pieces.
std::string many_captions() {
  std::string tsv;
  for (std::size_t i = 0; i < 60'000; ++i)
    tsv += format("http://x/{}.jpg\ta goat near {} {}s\n", i, i % 2 == 0 ? "red" : "wooden",
                  i % 3 == 0 ? "hut" : "kettle");
  return tsv;
}

TEST_F(TagsJob, SeveralProcessesThatAreLeft_MakeTheSameBytes) {
  data::TagOptions& options = arguments_.options;
  options.captions = {folder_.write("c.tsv", many_captions())};
  ASSERT_TRUE(run().value());
  const std::string alone = output("url_object_index.json") + output("object_counts.csv");
  options.output = folder_.path() / "shared";
  options.lists = lists_folder();
  options.wordnet = WordNet::kUsualFolder;
  FileSystem& files = posix_file_system();
  EXPECT_THAT(finish_tags(files, clock_, options).status().message(), HasSubstr("000000.records"));
  for (const std::size_t rank : {1, 0}) {
    bool asked = false;
    const auto at_the_second = [&] { return std::exchange(asked, true); };
    EXPECT_FALSE(parse_tags(files, clock_, options, {rank, 2}, at_the_second, {}).value());
    std::uint64_t told = 0;
    const auto progress = [&](const Progress& each) { told = each.done; };
    EXPECT_TRUE(parse_tags(files, clock_, options, {rank, 2}, {}, progress).value());
    EXPECT_EQ(told, 60'000u);
  }
  const auto report = finish_tags(files, clock_, options);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->captions, 60'000u);
  EXPECT_EQ(contents(options.output / "url_object_index.json") +
                contents(options.output / "object_counts.csv"),
            alone);
  EXPECT_THAT(files.list_directory(options.output).value(),
              ::testing::Not(::testing::Contains(::testing::StartsWith(".tags"))));
}

TEST_F(TagsJob, DamagedPiece_IsParsedAnew) {
  data::TagOptions& options = arguments_.options;
  options.captions = {folder_.write("c.tsv", many_captions())};
  options.output = folder_.path() / "shared";
  options.lists = lists_folder();
  options.wordnet = WordNet::kUsualFolder;
  FileSystem& files = posix_file_system();
  ASSERT_TRUE(parse_tags(files, clock_, options, {}, {}, {}).value());
  const Path piece = tag_piece_path(tag_pieces_folder(files, options).value(), 2);
  const std::string whole = contents(piece);
  std::string damaged = whole;
  damaged[damaged.size() / 2] ^= 1;
  ASSERT_TRUE(files.write_durable(piece, damaged).ok());
  EXPECT_EQ(finish_tags(files, clock_, options).status().code(), ErrorCode::kDataLoss);
  ASSERT_TRUE(parse_tags(files, clock_, options, {}, {}, {}).value());
  EXPECT_EQ(contents(piece), whole);
}

TEST_F(TagsJob, PerCaption_HoldsAllTagsAsTheScorerReadsThem) {
  arguments_.options.captions = {folder_.write("c", "{\"id\":\"x\",\"caption\":\"a red goat\"}\n")};
  arguments_.options.objects.captions_min = 5;
  arguments_.options.per_caption = folder_.path() / "each.jsonl";
  ASSERT_TRUE(run().value());
  EXPECT_EQ(contents(folder_.path() / "each.jsonl"),
            "{\"id\":\"x\",\"objects\":[\"goat\"],\"attributes\":[[\"red\",\"goat\"]]}\n");
  EXPECT_EQ(output("object_list.csv"), "");
  EXPECT_EQ(output("object_index.json"), "{\n\"x\": []\n}\n");
}

TEST_F(TagsJob, RepeatedKeys_CountTheFirstInTheIndex) {
  arguments_.options.captions = {
      folder_.write("c", "http://u\ta goat\nhttp://v\ta hut\nhttp://u\ta sled\n")};
  ASSERT_TRUE(run().value());
  EXPECT_EQ(output("url_object_index.json"), "{\n\"http://u\": [0],\n\"http://v\": [1]\n}\n");
  EXPECT_THAT(out_.str(), HasSubstr("repeated keys 1"));
}

TEST_F(TagsJob, MostFrequent_CanBeDropped) {
  arguments_.options.captions = {folder_.write("c", "u\ta goat\nv\ta goat and a hut\n")};
  arguments_.options.objects.drop_most_frequent = 1;
  ASSERT_TRUE(run().value());
  EXPECT_EQ(output("object_list.csv"), "hut\n");
}

TEST_F(TagsJob, ImportedTags_AreNormalisedAndMatched) {
  arguments_.options.captions = {folder_.write("c", "http://u\tone\nv\ttwo\nw\tthree\n")};
  arguments_.options.import = folder_.write(
      "i",
      "{\"url\":\"http://"
      "u\",\"objects\":[\"Goats\",\"sunset\"],\"attributes\":[[\"Red\",\"goats\"]]}\n"
      "{\"caption\":\"two\",\"objects\":[\"hut\"]}\n{\"key\":\"z\",\"objects\":[\"sled\"]}"
      "\nnonsense\n");
  EXPECT_FALSE(run().value()) << "a line was broken";
  EXPECT_EQ(output("object_list.csv"), "goat\nhut\n");
  EXPECT_EQ(output("attribute_list.csv"), "red\n");
  EXPECT_EQ(output("url_object_index.json"), "{\n\"http://u\": [0]\n}\n");
  EXPECT_EQ(output("object_index.json"), "{\n\"v\": [1],\n\"w\": []\n}\n");
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("captions without an imported line (1):\n    w\n"),
                                HasSubstr("imported lines without a caption (1):\n    z\n"),
                                HasSubstr("broken import 1; the first: ")));
  arguments_.options.raw = true;
  (void)run();
  EXPECT_EQ(output("object_list.csv"), "Goats\nhut\nsunset\n");
}

TEST_F(TagsJob, ImportAlone_NeedsNoCaptions) {
  arguments_.options.import =
      folder_.write("i", "{\"key\":\"a.jpg\",\"objects\":[\"goats\"],\"attributes\":[\"red\"]}\n");
  ASSERT_TRUE(run().value());
  EXPECT_EQ(output("object_index.json"), "{\n\"a.jpg\": [0]\n}\n");
  EXPECT_EQ(output("attribute_index.json"), "{\n\"a.jpg\": [0]\n}\n");
  arguments_.options.import = folder_.write("i", "\n");
  EXPECT_THAT(run().status().message(), HasSubstr("import tags"));
}

TEST_F(TagsJob, BadOptions_AreAnsweredBeforeAnyWork) {
  EXPECT_THAT(run().status().message(), HasSubstr("--import FILE"));
  arguments_.options.captions = {folder_.write("c", "u\ta goat\n")};
  arguments_.options.raw = true;
  EXPECT_THAT(run().status().message(), HasSubstr("--raw"));
  arguments_.options.raw = false;
  arguments_.options.wordnet = folder_.path() / "w";
  EXPECT_THAT(run().status().message(), HasSubstr("wordnet-base"));
  EXPECT_FALSE(posix_file_system().exists(folder_.path() / "tags"));
}

TEST_F(TagsJob, ReportAsJson_HoldsWhatTheTableHolds) {
  arguments_.options.captions = {folder_.write("c", "u\ta red goat\nbroken \x1b[31mline\x1b[0m\n")};
  EXPECT_FALSE(run().value());
  EXPECT_THAT(out_.str(), ::testing::Not(HasSubstr("\x1b")));
  arguments_.json = true;
  EXPECT_FALSE(run().value());
  const auto report = nlohmann::json::parse(out_.str());
  EXPECT_EQ(report["captions"], 1);
  EXPECT_EQ(report["broken_lines"]["count"], 1);
  EXPECT_EQ(report.at("objects").at("first").at(0).at("tag"), "goat");
}

}  // namespace
}  // namespace tagalign::data
