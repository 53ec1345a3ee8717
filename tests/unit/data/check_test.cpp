#include "data/benchmarks/check.h"

#include <nlohmann/json.hpp>

#include "base/format.h"
#include "tests/unit/data/prepare_fixture.h"

namespace tagalign::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CheckTest : public PrepareTest {
 protected:
  /// Images a and b with labels of three classes.
  CheckTest() {
    for (const char* name : {"a", "b"}) {
      photo(format("images/{}.jpg", name));
      label(format("labels/{}.png", name), {0, 1, 2, 255});
    }
    options_ = {.name = "toy",
                .root = source(),
                .images = "images",
                .image_suffixes = {".jpg"},
                .labels = "labels",
                .label_suffix = ".png",
                .split = "",
                .class_count = 3,
                .images_expected = 2,
                .threads = 2};
  }

  CheckReport check() {
    const auto report = check_dataset(posix_file_system(), clock_, options_, {});
    EXPECT_TRUE(report.ok()) << report.status().to_string();
    return report.ok() ? *report : CheckReport{};
  }
  /// The only finding.
  Finding finding() {
    const CheckReport report = check();
    EXPECT_THAT(report.findings, SizeIs(1));
    return report.findings.empty() ? Finding{} : report.findings[0];
  }

  CheckOptions options_;
};

TEST_F(CheckTest, CompleteFolder_HasNoFindings_JunkOrNot) {
  litter("images");
  litter("labels");
  const CheckReport report = check();
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.images, 2U);
  EXPECT_THAT(to_lines(report), ElementsAre(HasSubstr("toy: 2 images in")));
}

TEST_F(CheckTest, OtherCount_IsSaid) {
  options_.images_expected = 1449;
  const Finding found = finding();
  EXPECT_EQ(found.kind, FindingKind::kCount);
  EXPECT_EQ(found.first[0].detail, "expected 1449 images, found 2");
}

TEST_F(CheckTest, MissingPartners_AreNamed) {
  std::filesystem::remove(source() / "images/a.jpg");
  std::filesystem::remove(source() / "labels/b.png");
  const CheckReport report = check();
  ASSERT_THAT(report.findings, SizeIs(2));
  EXPECT_EQ(report.findings[0].kind, FindingKind::kMissingImage);
  EXPECT_EQ(report.findings[0].first[0].file, "a.jpg");
  EXPECT_EQ(report.findings[1].kind, FindingKind::kMissingLabel);
  EXPECT_EQ(report.findings[1].first[0].file, "b.png");
}

TEST_F(CheckTest, CapitalEndings_CountWhereTheReaderTakesThem) {
  std::filesystem::rename(source() / "images/a.jpg", source() / "images/a.JPG");
  EXPECT_FALSE(check().ok());
  options_.any_case = true;
  EXPECT_TRUE(check().ok());
}

TEST_F(CheckTest, SplitList_LimitsTheImages) {
  photo("images/train.jpg");
  text("val.txt", "a\r\nb\nc\n");
  options_.split = "val.txt";
  options_.images_expected = 3;
  const CheckReport report = check();
  ASSERT_THAT(report.findings, SizeIs(2));
  EXPECT_EQ(report.findings[0].first[0].file, "c.jpg");
  EXPECT_EQ(report.findings[1].first[0].file, "c.png");
}

TEST_F(CheckTest, StrangeFiles_AreNamed_SiblingsOfAnImageAreNot) {
  text("images/notes.txt", "");
  photo("images/c.JPG");
  text("labels/list.csv", "");
  text("labels/a_color.json", "");
  const Finding found = finding();
  EXPECT_EQ(found.kind, FindingKind::kExtraFile);
  EXPECT_THAT(found.first, ElementsAre(::testing::Field(&Offender::file, "images/c.JPG"),
                                       ::testing::Field(&Offender::file, "images/notes.txt"),
                                       ::testing::Field(&Offender::file, "labels/list.csv")));
  EXPECT_EQ(found.first[0].detail, "does not end in .jpg");
}

TEST_F(CheckTest, BrokenFiles_AreNamed_OddButReadableOnesAreNot) {
  text("images/a.jpg", encode_png(sample_image(4, 3)));  // a PNG by another name, as in ImageNet
  text("images/b.jpg", cmyk_jpeg(4, 3));
  EXPECT_TRUE(check().ok());
  text("images/a.jpg", "");
  text("labels/b.png", "GIF89a");
  const CheckReport report = check();
  ASSERT_THAT(report.findings, SizeIs(2));
  EXPECT_EQ(report.findings[0].kind, FindingKind::kUnreadableImage);
  EXPECT_THAT(report.findings[0].first[0].detail, HasSubstr("found an empty file"));
  EXPECT_EQ(report.findings[1].kind, FindingKind::kUnreadableLabel);
}

TEST_F(CheckTest, SizesThatDiffer_AreNamed) {
  text("labels/a.png", encode_label_png({3, 4, std::vector<std::uint16_t>(12)}));
  const Finding found = finding();
  EXPECT_EQ(found.kind, FindingKind::kSizeMismatch);
  EXPECT_EQ(found.first[0].detail, "the image is 4 x 3, the label 3 x 4");
}

TEST_F(CheckTest, IdOutsideTheRange_IsNamedWithItsPlace) {
  label("labels/a.png", {0, 0, 0, 0, 0, 0, 3, 4, 0});
  const Finding found = finding();
  EXPECT_EQ(found.kind, FindingKind::kIdOutOfRange);
  EXPECT_EQ(found.first[0].file, "a.png");
  EXPECT_EQ(found.first[0].detail, "expected 0 … 2 or 255, found 3 at x 2, y 1 (2 pixels in all)");
}

TEST_F(CheckTest, ReduceZeroLabel_AllowsOneIdMore) {
  label("labels/a.png", {0, 3});
  options_.reduce_zero_label = true;
  EXPECT_TRUE(check().ok());
  label("labels/a.png", {4});
  EXPECT_THAT(finding().first[0].detail, HasSubstr("expected 0 … 3 or 255, found 4"));
}

TEST_F(CheckTest, ColoursAndIndices_AreNotMixedUp) {
  text("labels/a.png", encode_png(sample_image(4, 3)));
  EXPECT_EQ(finding().kind, FindingKind::kWrongEncoding);
  options_.colour_labels = true;
  options_.class_count = 1000;
  options_.ignore_index = 1000;
  text("labels/a.png", encode_png({4, 3, 3, std::vector<std::uint8_t>(36, 2)}));  // 2 + 256·2
  const Finding found = finding();
  EXPECT_EQ(found.kind, FindingKind::kWrongEncoding);
  EXPECT_EQ(found.first[0].file, "b.png");
}

TEST_F(CheckTest, TwelveOffenders_TenAreNamedInOrder) {
  for (int i = 0; i < 12; ++i) photo(format("images/x{:02}.jpg", i));
  options_.images_expected = std::nullopt;
  const CheckReport report = check();
  ASSERT_THAT(report.findings, SizeIs(1));
  EXPECT_EQ(report.findings[0].count, 12U);
  ASSERT_THAT(report.findings[0].first, SizeIs(10));
  EXPECT_EQ(report.findings[0].first[9].file, "x09.png");
  const auto lines = to_lines(report);
  EXPECT_THAT(lines, SizeIs(13));
  EXPECT_EQ(lines[1], "  images without a label (12):");
  EXPECT_EQ(lines[12], "    and 2 more");
}

TEST_F(CheckTest, Json_HoldsEveryFinding) {
  options_.images_expected = 3;
  const auto json = nlohmann::json::parse(to_json(check()));
  EXPECT_EQ(json["name"], "toy");
  EXPECT_EQ(json["ok"], false);
  EXPECT_EQ(json["images"], 2);
  EXPECT_EQ(json["images_expected"], 3);
  EXPECT_EQ(json["findings"][0]["kind"], "count");
  EXPECT_EQ(json["findings"][0]["count"], 1);
  EXPECT_EQ(json["findings"][0]["first"][0]["file"], "images");
}

TEST_F(CheckTest, Subfolders_PairByTheirPath) {
  text("leftImg8bit/val/ulm/ulm_1_leftImg8bit.png", encode_png(sample_image(4, 3)));
  label("gtFine/val/ulm/ulm_1_gtFine_labelTrainIds.png", {0});
  label("gtFine/val/ulm/ulm_1_gtFine_labelIds.png", {7});
  text("gtFine/val/ulm/ulm_1_gtFine_polygons.json", "{}");
  options_.images = "leftImg8bit/val";
  options_.image_suffixes = {"_leftImg8bit.png"};
  options_.labels = "gtFine/val";
  options_.label_suffix = "_gtFine_labelTrainIds.png";
  options_.images_expected = 1;
  EXPECT_THAT(check().findings, IsEmpty());
}

TEST_F(CheckTest, NoFolders_SaysHowToMakeThem) {
  options_.root = source() / "elsewhere";
  const auto report = check_dataset(posix_file_system(), clock_, options_, {});
  EXPECT_EQ(report.status().code(), ErrorCode::kNotFound);
  EXPECT_THAT(report.status().message(), HasSubstr("tagalign data prepare toy"));
}

}  // namespace
}  // namespace tagalign::data
