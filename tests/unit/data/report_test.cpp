#include "data/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "data/image/image.h"
#include "tests/unit/data/image_samples.h"
#include "tests/unit/data/shard_samples.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

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
  DataReport report(std::uint64_t decode = 100) const {
    auto made = make_data_report(
        posix_file_system(),
        {.sources = {tsv_.string(), (folder_.path() / "cc").string()}, .decode = decode});
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    return std::move(made).value();
  }

  TemporaryFolder folder_;
  Path tsv_;
};

TEST_F(DataReportTest, Download_IsCountedInAllItsParts) {
  const DataReport found = report();
  EXPECT_GE(found.images, 3U);
  EXPECT_EQ(found.with_caption, 2U);
  EXPECT_EQ(found.chinese, 1U);
  EXPECT_EQ(found.oddities.at("images without caption"), found.images - 2);
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

TEST_F(DataReportTest, TableAndJson_SayTheSame) {
  const DataReport found = report();
  EXPECT_THAT(to_lines(found),
              AllOf(Contains(HasSubstr("2 of 3 rows have an image (66.7 %)")),
                    Contains(HasSubstr("00000.tar 3 5")), Contains(HasSubstr("no _stats.json"))));
  const auto json = nlohmann::json::parse(to_json(found));
  EXPECT_EQ(json.at("images"), found.images);
  EXPECT_EQ(json.at("captions").at(0).at("with_image"), 2);
  EXPECT_EQ(json.at("shards").at(1).at("expected"), nullptr);
}

TEST_F(DataReportTest, SourceThatIsNeitherImagesNorCaptions_IsRefused) {
  const auto made = make_data_report(posix_file_system(),
                                     {.sources = {folder_.write("a.bin", "\x01\x02").string()}});
  EXPECT_EQ(made.status().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(made.status().message(), HasSubstr("a.bin"));
}

TEST(Histograms, Values_FallBetweenTheirBounds) {
  Histogram histogram{"bytes", {0, 10, 20}, {0, 0, 0}};
  for (const std::uint64_t value : {0, 9, 10, 19, 20, 1000}) histogram.add(value);
  EXPECT_THAT(histogram.counts, ElementsAre(2, 2, 2));
}

}  // namespace
}  // namespace tagalign::data
