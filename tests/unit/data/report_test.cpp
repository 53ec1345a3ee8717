#include "data/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "data/image/image.h"
#include "data/report/script.h"
#include "tests/unit/data/image_samples.h"
#include "tests/unit/data/shard_samples.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class DataReportTest : public ::testing::Test {
 protected:
  /// Two shards: four images, one of them twice and one broken; the second ends early.
  void SetUp() override {
    std::filesystem::create_directories(folder_.path() / "cc");
    const std::string image = encode_png(sample_image(70, 90));
    write_tar(folder_.path() / "cc/00000.tar",
              {{"0.png", image},
               {"0.txt", "\xe7\x8b\x97"},
               {"0.json", R"({"url": "http://a/0", "status": "success"})"},
               {"1.jpg", image},
               {"1.txt", "the same image again"},
               {"1.json", R"({"url": "http://a/1"})"},
               {"2.jpg", "no image"}});
    folder_.write("cc/00000_stats.json",
                  R"({"count": 9, "successes": 5, "status_dict": {"success": 5, "HTTP 404": 4}})");
    const Path cut = folder_.path() / "cc/00001.tar";
    write_tar(cut, {{"3.png", encode_png(sample_image(300, 600))}, {"4.png", image}});
    std::filesystem::resize_file(cut, std::filesystem::file_size(cut) / 2);
    tsv_ = folder_.write("cc.tsv", "http://a/0\tx\nhttp://a/1\ty\nhttp://gone\tz\nno tab\n");
  }
  DataReportOptions options(std::uint64_t decode = 100) const {
    return {.sources = {tsv_.string(), (folder_.path() / "cc").string()}, .decode = decode};
  }
  DataReport report(std::uint64_t decode = 100) const {
    auto made = make_data_report(posix_file_system(), options(decode));
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    return std::move(made).value();
  }
  /// One of several processes; where the data's folder keeps indexes they share those.
  std::unique_ptr<ReportMaking> process(std::uint64_t decode = 100) const {
    auto opened = ReportMaking::open(posix_file_system(), options(decode));
    EXPECT_TRUE(opened.ok()) << opened.status().to_string();
    return std::move(opened).value();
  }
  Path index_of(const std::string& shard) const {
    return folder_.path() / "cc/.tagalign-index" / (shard + ".index");
  }

  TemporaryFolder folder_;
  Path tsv_;
};

TEST_F(DataReportTest, Download_IsCountedInAllItsParts) {
  const DataReport found = report();
  EXPECT_GE(found.images, 3U);
  EXPECT_EQ(found.beside.captions, 2U);
  EXPECT_EQ(found.beside.chinese, 1U);
  EXPECT_THAT(found.beside.scripts, ElementsAre(Pair("Chinese", 1), Pair("Latin", 1)));
  EXPECT_EQ(found.oddities.at("images without a caption beside them"), found.images - 2);
  EXPECT_EQ(found.oddities.at("shards that end early"), 1U);
  EXPECT_EQ(found.statuses.at("HTTP 404"), 4U);
  ASSERT_EQ(found.shards.size(), 2U);
  EXPECT_EQ(found.shards[0].found, 3U);
  EXPECT_EQ(found.shards[0].expected, 5U);
  EXPECT_FALSE(found.shards[1].expected);
  ASSERT_EQ(found.links.size(), 1U);
  EXPECT_EQ(found.links[0].rows, 3U);
  EXPECT_EQ(found.links[0].with_image, 2U);
  EXPECT_EQ(found.links[0].bad_lines, 1U);
}

TEST_F(DataReportTest, DecodedImages_GiveFormatsSidesTwinsAndCauses) {
  const DataReport found = report();
  EXPECT_EQ(found.examined, found.images);
  EXPECT_EQ(found.formats.at("other"), 1U);
  EXPECT_EQ(found.equal_files, 1U);
  EXPECT_EQ(found.short_sides.counts[1], 2U);  // 64 … 127
  ASSERT_EQ(found.broken.size(), 1U);
  EXPECT_THAT(found.broken.begin()->second.first, HasSubstr("00000.tar: 2.jpg"));
  EXPECT_EQ(report(0).examined, 0U);
}

TEST_F(DataReportTest, WhatIsNoFile_IsCountedByWhatItIs) {
  const Path photos = folder_.path() / "photos";
  std::filesystem::create_directories(photos / "deep");
  folder_.write("photos/a.png", encode_png(sample_image(9, 9)));
  ASSERT_EQ(::mkfifo((photos / "deep/b.jpg").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo((photos / "c.jpg").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo((photos / "no image").c_str(), 0600), 0);
  std::filesystem::create_symlink("d.png", photos / "d.png");
  std::filesystem::create_symlink("gone.png", photos / "e.png");
  const auto found =
      make_data_report(posix_file_system(), {.sources = {photos.string()}, .decode = 0});
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  EXPECT_EQ(found->images, 1U);
  ASSERT_EQ(found->broken.size(), 3U);
  EXPECT_EQ(found->broken.at("a FIFO").count, 2U);
  EXPECT_EQ(found->broken.at("a FIFO").first, (photos / "c.jpg").string());
  EXPECT_EQ(found->broken.at("a link to itself").first, (photos / "d.png").string());
  EXPECT_EQ(found->broken.at("a link to nothing").first, (photos / "e.png").string());
  EXPECT_THAT(to_lines(*found), Contains(HasSubstr("broken (a FIFO): 2; ")));
}

TEST_F(DataReportTest, OddQuotes_AreCountedWithTheFirst) {
  const Path csv =
      folder_.write("odd.csv", "file,caption\n0.png,\"a\"b\n1.jpg,plain\n2.jpg,\"open\n");
  const auto found =
      make_data_report(posix_file_system(),
                       {.sources = {csv.string(), (folder_.path() / "cc").string()}, .decode = 0});
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  ASSERT_EQ(found->links.size(), 1U);
  EXPECT_EQ(found->links[0].rows, 3U);
  EXPECT_EQ(found->links[0].odd_quotes.count, 2U);
  EXPECT_THAT(found->links[0].odd_quotes.first, HasSubstr("odd.csv:2: "));
  EXPECT_THAT(to_lines(*found), Contains(HasSubstr("2 rows have an odd quote, the first is ")));
  EXPECT_EQ(nlohmann::json::parse(to_json(*found)).at("captions")[0].at("odd_quotes").at("count"),
            2);
}

TEST_F(DataReportTest, TableAndJson_SayTheSame) {
  const DataReport found = report();
  EXPECT_THAT(to_lines(found),
              AllOf(Contains(HasSubstr("2 of 3 rows have an image (66.7 %)")),
                    Contains(HasSubstr("00000.tar 3 5")), Contains(HasSubstr("no _stats.json"))));
  const auto json = nlohmann::json::parse(to_json(found));
  EXPECT_EQ(json.at("images"), found.images);
  EXPECT_EQ(json.at("captions").at(0).at("with_image"), 2);
  EXPECT_EQ(json.at("captions").at(0).at("captions").at("scripts").at("Latin"), 2);
  EXPECT_EQ(json.at("beside").at("chinese"), 1);
  EXPECT_EQ(json.at("shards").at(1).at("expected"), nullptr);
}

TEST_F(DataReportTest, EqualCaptionsAndUrls_AreCountedWhereTheyStand) {
  const Path other = folder_.write("other.tsv",
                                   "http://a/0\tone\nhttp://a/1\tone\nhttp://a/0\ttwo\n"
                                   "http://gone\tone\nhttp://gone\tone\n");
  write_tar(folder_.path() / "cc/00002.tar", {{"5.png", encode_png(sample_image(64, 64))},
                                              {"5.txt", "the same image again"},
                                              {"5.json", R"({"url": "http://a/1"})"}});
  auto asked = options();
  asked.sources.push_back(other.string());
  const auto found = make_data_report(posix_file_system(), asked);
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  EXPECT_EQ(found->equal_urls, 1U);
  EXPECT_EQ(found->beside.equal, 1U);
  ASSERT_EQ(found->links.size(), 2U);
  EXPECT_EQ(found->links[0].captions.equal, 0U);
  EXPECT_EQ(found->links[1].captions.captions, 3U);
  EXPECT_EQ(found->links[1].captions.equal, 1U);
  EXPECT_EQ(found->links[1].equal_urls, 2U);
}

TEST_F(DataReportTest, Shares_GiveTheReportOfOneProcess) {
  for (int i = 0; i < 9; ++i) {
    const std::string name = std::to_string(i);
    write_tar(folder_.path() / ("cc/0001" + name + ".tar"),
              {{name + ".png", encode_png(sample_image(60 + 8 * i, 90, i / 2))},
               {name + "x.png", i % 2 == 0 ? "broken" : encode_png(sample_image(9, 9))}});
  }
  for (const std::uint64_t decode : {0, 2, 11, 100}) {
    const std::string whole = to_json(report(decode));
    for (const std::size_t world : {1, 2, 3, 30}) {
      std::vector<std::string> examined;
      for (std::size_t rank = 0; rank < world; ++rank) {
        auto part = process(decode)->examine({rank, world}, {}, {});
        ASSERT_TRUE(part.ok()) << part.status().to_string();
        examined.insert(examined.begin(), *part);
      }
      const auto made = process(decode)->finish(examined);
      ASSERT_TRUE(made.ok()) << made.status().to_string();
      EXPECT_EQ(to_json(*made), whole) << decode << " images in " << world << " shares";
    }
  }
}

TEST_F(DataReportTest, Index_IsMadeForTheShareAlone) {
  std::vector<std::uint64_t> told;
  const auto progress = [&](std::uint64_t done, std::uint64_t total) {
    told.insert(told.end(), {done, total});
  };
  ASSERT_TRUE(process()->index({1, 2}, progress).ok());
  EXPECT_THAT(told, ElementsAre(0, 1, 1, 1));
  EXPECT_FALSE(std::filesystem::exists(index_of("00000.tar")));
  EXPECT_TRUE(std::filesystem::exists(index_of("00001.tar")));
  ASSERT_TRUE(process()->index({0, 2}, progress).ok());
  EXPECT_TRUE(std::filesystem::exists(index_of("00000.tar")));
}

TEST_F(DataReportTest, StopRequest_EndsIndexAndExamination) {
  const auto stop = [] { return true; };
  EXPECT_EQ(process()->index({}, {}, stop).code(), ErrorCode::kCancelled);
  EXPECT_FALSE(std::filesystem::exists(index_of("00000.tar")));
  int asked = 0;
  const auto later = [&] { return ++asked > 2; };
  std::uint64_t examined = 0;
  const auto part =
      process()->examine({}, later, [&](std::uint64_t done, std::uint64_t) { examined = done; });
  EXPECT_EQ(part.status().code(), ErrorCode::kCancelled);
  EXPECT_EQ(examined, 2U);
}

TEST_F(DataReportTest, FindingsThatDoNotFit_AreRefused) {
  const std::string half = *process()->examine({0, 2}, {}, {});
  const std::string other_half = *process()->examine({1, 2}, {}, {});
  const auto finish = [&](const std::vector<std::string>& parts) {
    return process()->finish(parts).status();
  };
  EXPECT_TRUE(finish({half, other_half}).ok());
  for (const auto& parts :
       std::vector<std::vector<std::string>>{{}, {half}, {half, half}, {half, other_half, half}}) {
    EXPECT_EQ(finish(parts).code(), ErrorCode::kDataLoss);
    EXPECT_THAT(finish(parts).message(), HasSubstr("each share")) << parts.size();
  }
  for (const std::string broken : {"", "{}", "[1]", "\xff", "{\"images\": 1"})
    EXPECT_EQ(finish({half, broken}).code(), ErrorCode::kDataLoss) << broken;
  const std::string fewer = *process(1)->examine({0, 1}, {}, {});
  EXPECT_THAT(finish({fewer}).message(), HasSubstr("other images"));
  write_tar(folder_.path() / "cc/00009.tar", {{"9.png", encode_png(sample_image(64, 64))}});
  EXPECT_THAT(finish({half, other_half}).message(), HasSubstr("other images"));
}

TEST_F(DataReportTest, NamesWithControlCharacters_CannotReachTheTerminal) {
  folder_.write("cc/00000_stats.json", R"({"successes": 3, "status_dict": {"\u001b[2J": 1}})");
  write_tar(folder_.path() / "cc/00003.tar", {{"\x1b[31m.jpg", "no image"}});
  for (const std::string& line : to_lines(report()))
    EXPECT_EQ(line.find('\x1b'), line.npos) << line;
  EXPECT_THAT(to_lines(report()), Contains(HasSubstr("\\x1b[2J")));
}

TEST_F(DataReportTest, SourceThatIsNeitherImagesNorCaptions_IsRefused) {
  const auto made = make_data_report(posix_file_system(),
                                     {.sources = {folder_.write("a.bin", "\x01\x02").string()}});
  EXPECT_EQ(made.status().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(made.status().message(), HasSubstr("a.bin"));
  const Path utf16 = folder_.write("b.tsv", std::string("\xff\xfeh\0t\0t\0p\0\t\0x\0\n\0", 16));
  const auto table = make_data_report(posix_file_system(), {.sources = {utf16.string()}});
  EXPECT_THAT(table.status().message(), HasSubstr("UTF-16"));
  const auto missing = make_data_report(posix_file_system(), {.sources = {"/nowhere/at/all"}});
  EXPECT_EQ(missing.status().code(), ErrorCode::kNotFound);
}

TEST(ScriptOfTexts, MostLetters_DecideTheScript) {
  const std::vector<std::pair<std::string, Script>> texts = {
      {"a dog on grass", Script::kLatin},
      {"Straße in Köln, Ελλάδα", Script::kLatin},
      {"草地上的狗 (dog)", Script::kChinese},
      {"草の上の犬", Script::kJapanese},
      {"カメラ", Script::kJapanese},
      {"잔디 위의 개", Script::kKorean},
      {"собака на траве", Script::kCyrillic},
      {"كلب على العشب", Script::kArabic},
      {"घास पर कुत्ता", Script::kOther},
      {"Ελλάδα", Script::kOther},
      {"12 × 34 … €", Script::kNone},
      {"", Script::kNone},
      {"\xff\xfe", Script::kNone},
      {"\xe7\x8b dog", Script::kLatin}};
  for (const auto& [text, script] : texts)
    EXPECT_EQ(script_name(script_of(text).script), script_name(script)) << text;
}

TEST(ScriptOfTexts, ChineseCharacters_AreSeenAmongOthers) {
  EXPECT_TRUE(script_of("a dog, 狗").has_chinese);
  EXPECT_TRUE(script_of("草の上").has_chinese);
  EXPECT_TRUE(script_of("\xe4\xb8\x80").has_chinese);   // U+4E00
  EXPECT_FALSE(script_of("\xe4\xb7\xbf").has_chinese);  // U+4DFF
  EXPECT_FALSE(script_of("カメラ").has_chinese);
}

TEST(Histograms, Values_FallBetweenTheirBounds) {
  Histogram histogram{"bytes", {0, 10, 20}, {0, 0, 0}};
  for (const std::uint64_t value : {0, 9, 10, 19, 20, 1000}) histogram.add(value);
  EXPECT_THAT(histogram.counts, ElementsAre(2, 2, 2));
}

}  // namespace
}  // namespace tagalign::data
