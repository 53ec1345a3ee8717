#include "data/benchmarks/check.h"

#include <map>
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
    options_ = {.dataset = {.name = "toy", .image_suffix = ".jpg", .expected_images = 2},
                .root = source(),
                .threads = 2};
    look_in("images", "labels");
    has_classes(3);
  }

  void look_in(const std::string& images, const std::string& labels) {
    options_.dataset.images = source() / images;
    options_.dataset.labels = source() / labels;
  }
  void has_classes(int count) {
    options_.dataset.class_names.clear();
    for (int i = 0; i < count; ++i) options_.dataset.class_names.push_back(format("class {}", i));
  }
  /// A folder without a suffix of its own, and its list of classes.
  void use_classes(std::string_view classes) {
    options_.dataset.image_suffix.clear();
    options_.dataset.class_names.clear();
    options_.dataset.classes = source() / "classes.txt";
    text("classes.txt", classes);
  }
  /// The evaluation's own answer to the same data set.
  bool evaluation_accepts() {
    const auto dataset = SegmentationDataset::open(posix_file_system(), options_.dataset);
    if (!dataset.ok()) return false;
    for (std::size_t i = 0; i < dataset->size(); ++i) {
      if (!dataset->read(posix_file_system(), i).ok()) return false;
    }
    return true;
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
  options_.dataset.expected_images = 1449;
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
  options_.dataset.image_suffix.clear();
  EXPECT_TRUE(check().ok());
}

TEST_F(CheckTest, SplitList_LimitsTheImages) {
  photo("images/train.jpg");
  text("val.txt", "a\r\nb\nc\n");
  options_.dataset.split = source() / "val.txt";
  options_.dataset.expected_images = 3;
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
  options_.dataset.reduce_zero_label = true;
  EXPECT_TRUE(check().ok());
  label("labels/a.png", {4});
  EXPECT_THAT(finding().first[0].detail, HasSubstr("expected 0 … 3 or 255, found 4"));
}

TEST_F(CheckTest, ColoursAndIndices_AreNotMixedUp) {
  text("labels/a.png", encode_png(sample_image(4, 3)));
  EXPECT_EQ(finding().kind, FindingKind::kWrongEncoding);
  options_.dataset.label_encoding = LabelEncoding::kRgb16;
  has_classes(1000);
  options_.dataset.ignore_index = 1000;
  text("labels/a.png", encode_png({4, 3, 3, std::vector<std::uint8_t>(36, 2)}));  // 2 + 256·2
  const Finding found = finding();
  EXPECT_EQ(found.kind, FindingKind::kWrongEncoding);
  EXPECT_EQ(found.first[0].file, "b.png");
}

TEST_F(CheckTest, TwelveOffenders_TenAreNamedInOrder) {
  for (int i = 0; i < 12; ++i) photo(format("images/x{:02}.jpg", i));
  options_.dataset.expected_images = 0;
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
  options_.dataset.expected_images = 3;
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
  look_in("leftImg8bit/val", "gtFine/val");
  options_.dataset.image_suffix = "_leftImg8bit.png";
  options_.dataset.label_suffix = "_gtFine_labelTrainIds.png";
  options_.dataset.expected_images = 1;
  EXPECT_THAT(check().findings, IsEmpty());
}

TEST_F(CheckTest, NoFolders_SaysHowToMakeThem) {
  look_in("elsewhere/images", "elsewhere/labels");
  const auto report = check_dataset(posix_file_system(), clock_, options_, {});
  EXPECT_EQ(report.status().code(), ErrorCode::kNotFound);
  EXPECT_THAT(report.status().message(), HasSubstr("tagalign data prepare toy"));
}

/// Field cases check-classes-empty-line, check-classes-empty-first-line,
/// check-class-without-name, classes-latin1 and classes-utf16.
TEST_F(CheckTest, ClassesThatTheEvaluationRefuses_AreAFindingInItsWords) {
  const std::map<std::string, std::string> refused = {
      {"sky\n\ndog\n", "classes.txt:2: expected a class name"},
      {"\nsky\n", "classes.txt:1: expected a class name"},
      {"sky\n;\ndog\n", "classes.txt:2: expected a class name"},
      {" \n\t\n", "expected one class a line, found none"},
      {"sky\ncaf\xe9\n", "classes.txt:2: expected text in UTF-8, found byte e9"},
      {std::string("\xff\xfes\0", 4), "found UTF-16"}};
  for (const auto& [classes, message] : refused) {
    use_classes(classes);
    const Finding found = finding();
    EXPECT_EQ(found.kind, FindingKind::kClassList);
    EXPECT_EQ(found.first.at(0).file, "classes.txt");
    EXPECT_THAT(found.first.at(0).detail, HasSubstr(message));
    EXPECT_FALSE(evaluation_accepts());
  }
  std::filesystem::remove(source() / "classes.txt");
  EXPECT_EQ(finding().kind, FindingKind::kClassList);
  use_classes("sky\ndog\r\ncat\n\n");
  EXPECT_TRUE(check().ok());
  EXPECT_TRUE(evaluation_accepts());
}

TEST_F(CheckTest, FilesThatTheEvaluationRefuses_AreFindings) {
  const std::map<std::string, std::string> refused = {{"images/a.png", "same name as a.jpg"},
                                                      {"images/photo.bmp", "does not end in"},
                                                      {"labels/a.json", "does not end in"}};
  for (const auto& [file, detail] : refused) {
    use_classes("x\ny\nz\n");
    text(file, encode_png(sample_image(4, 3)));
    const Finding found = finding();
    EXPECT_EQ(found.kind, FindingKind::kExtraFile);
    EXPECT_EQ(found.first[0].file, file);
    EXPECT_THAT(found.first[0].detail, HasSubstr(detail));
    EXPECT_FALSE(evaluation_accepts()) << file;
    std::filesystem::remove(source() / file);
  }
}

TEST_F(CheckTest, ListThatTheEvaluationRefuses_IsAFinding) {
  text("val.txt", "a\nb\na\n../c\n");
  options_.dataset.split = source() / "val.txt";
  const Finding found = finding();
  EXPECT_EQ(found.kind, FindingKind::kBadLine);
  EXPECT_THAT(found.first, ElementsAre(Offender{"../c", "leads out of the folder"},
                                       Offender{"a", "stands in the list twice"}));
  EXPECT_FALSE(evaluation_accepts());
  text("val.txt", "\n\n");
  options_.dataset.expected_images = 0;
  EXPECT_EQ(finding().first[0].detail, "expected some images, found 0");
  EXPECT_FALSE(evaluation_accepts());
}

TEST_F(CheckTest, DeepSubfolder_IsCheckedAsFarAsItIsEvaluated) {
  const std::string deep = "1/2/3/4/5/6/7/8/9/";
  photo("images/" + deep + "c.jpg");
  label("labels/" + deep + "c.png", {7});
  options_.dataset.expected_images = 3;
  EXPECT_EQ(finding().first[0].file, deep + "c.png");
  EXPECT_FALSE(evaluation_accepts());
}

TEST_F(CheckTest, CircleOfFolders_IsRefusedByBoth) {
  std::filesystem::create_directory_symlink(source() / "images", source() / "images/again");
  const auto report = check_dataset(posix_file_system(), clock_, options_, {});
  EXPECT_THAT(report.status().message(), HasSubstr("is there a circle?"));
  EXPECT_FALSE(evaluation_accepts());
}

/// Field case mask-0-255.
TEST_F(CheckTest, MasksOf0And255_AreToldByTheClassThatNeverOccurs) {
  use_classes("bg\nfg\n");
  label("labels/a.png", {0, 255, 255, 255, 255, 255, 0});
  label("labels/b.png", {0, 255, 255, 255, 255, 255, 255, 0});
  const Finding found = finding();
  EXPECT_EQ(found.kind, FindingKind::kNothingToScore);
  EXPECT_EQ(
      found.first[0].detail,
      "class fg occurs in no label; 46 % of the pixels are 255 (ignored): masks of 0 and 255?");
  label("labels/b.png", {255});
  label("labels/a.png", {255});
  EXPECT_EQ(finding().first[0].detail, "every pixel is 255 (ignored)");
}

TEST_F(CheckTest, ClassesThatOccurNowhereOrTwice_AreNoted) {
  use_classes("x\ny\nz\nw\nx\n");
  const CheckReport report = check();
  EXPECT_TRUE(report.ok());
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("2 of 5 classes occur in no label: w, x; "),
                                        HasSubstr("can be predicted: x")));
  EXPECT_THAT(to_lines(report)[1], HasSubstr("  note: 2 of 5 classes"));
  EXPECT_EQ(nlohmann::json::parse(to_json(report))["notes"].size(), 2U);
}

TEST_F(CheckTest, NameThatIsNoUtf8_DoesNotEndTheReport) {
  photo("images/caf\xe9.jpg");
  const CheckReport report = check();
  EXPECT_EQ(nlohmann::json::parse(to_json(report))["ok"], false);
}

}  // namespace
}  // namespace tagalign::data
