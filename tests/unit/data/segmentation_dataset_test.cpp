#include "data/datasets/segmentation_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/data/image_samples.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SegmentationDatasetTest : public ::testing::Test {
 protected:
  void add(const std::string& stem, const std::vector<std::uint16_t>& ids,
           const std::string& ending = ".png") {
    const Image image = sample_image(2, 2);
    folder_.write("images/" + stem + ending,
                  ending == ".png" ? encode_png(image) : encode_jpeg(image, 90));
    folder_.write("labels/" + stem + ".png", encode_label_png({2, 2, ids}));
  }
  SegmentationDatasetOptions options() {
    const Path& root = folder_.path();
    return {.name = "toy",
            .images = root / "images",
            .labels = root / "labels",
            .classes = folder_.write("classes.txt", classes_)};
  }
  Result<SegmentationDataset> open() {
    return SegmentationDataset::open(posix_file_system(), options());
  }

  TemporaryFolder folder_;
  std::string classes_ = "background\ndog;puppy\r\ncat\n";
};

TEST_F(SegmentationDatasetTest, ImagesOfBothFormats_AreReadInNameOrder) {
  add("b", {0, 1, 2, 255});
  add("a", {1, 1, 1, 1}, ".jpg");
  folder_.write("images/.hidden", "");
  const auto dataset = open();
  ASSERT_TRUE(dataset.ok()) << dataset.status().to_string();
  EXPECT_THAT(dataset->classes(), ElementsAre("background", "dog;puppy", "cat"));
  ASSERT_EQ(dataset->size(), 2U);
  EXPECT_EQ(dataset->read(posix_file_system(), 0)->name, "a");
  EXPECT_THAT(dataset->read(posix_file_system(), 1)->label.ids, ElementsAre(0, 1, 2, 255));
}

TEST_F(SegmentationDatasetTest, ReduceZeroLabel_MovesIdsDown_AndKeepsIgnored) {
  add("a", {0, 1, 3, 255});
  SegmentationDatasetOptions o = options();
  o.reduce_zero_label = true;
  const auto dataset = SegmentationDataset::open(posix_file_system(), o);
  EXPECT_THAT(dataset->read(posix_file_system(), 0)->label.ids, ElementsAre(255, 0, 2, 255));
}

TEST_F(SegmentationDatasetTest, IdOutsideTheClasses_NamesFileIdAndPosition) {
  add("a", {0, 1, 2, 77});
  const Status status = open()->read(posix_file_system(), 0).status();
  EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("labels/a.png"));
  EXPECT_THAT(status.message(), HasSubstr("found 77 at x 1, y 1"));
}

TEST_F(SegmentationDatasetTest, MissingPartners_AreNamed_TenAtMost) {
  for (int i = 0; i < 12; ++i) folder_.write("images/i" + std::to_string(i) + ".png", "");
  folder_.write("labels/alone.png", "");
  const std::string message = open().status().message();
  EXPECT_THAT(message, HasSubstr("i0.png (no label)"));
  EXPECT_THAT(message, HasSubstr("and 3 more"));
}

TEST_F(SegmentationDatasetTest, StrangeAndAmbiguousFiles_AreNamed) {
  add("a", {0, 0, 0, 0});
  folder_.write("images/a.jpg", "");
  folder_.write("images/notes.txt", "");
  const std::string message = open().status().message();
  EXPECT_THAT(message, HasSubstr("a.png (same name as a.jpg)"));
  EXPECT_THAT(message, HasSubstr("notes.txt (neither image nor label)"));
}

TEST_F(SegmentationDatasetTest, EmptyFolderOrClasses_AreRefused) {
  std::filesystem::create_directories(folder_.path() / "images");
  std::filesystem::create_directories(folder_.path() / "labels");
  EXPECT_THAT(open().status().message(), HasSubstr("found none"));
  add("a", {0, 0, 0, 0});
  classes_ = "dog\n\ncat\n";
  EXPECT_THAT(open().status().message(), HasSubstr("classes.txt:2: expected a class name"));
  classes_ = "";
  EXPECT_FALSE(open().ok());
}

TEST_F(SegmentationDatasetTest, LabelOfAnotherSize_IsRefused) {
  add("a", {0, 0, 0, 0});
  folder_.write("labels/a.png", encode_label_png({1, 2, {0, 0}}));
  EXPECT_THAT(open()->read(posix_file_system(), 0).status().message(),
              HasSubstr("expected the size of its image, 2 x 2, found 1 x 2"));
}

TEST_F(SegmentationDatasetTest, BrokenImage_IsDataLoss) {
  add("a", {0, 0, 0, 0});
  folder_.write("images/a.png", "");
  EXPECT_EQ(open()->read(posix_file_system(), 0).status().code(), ErrorCode::kDataLoss);
}

TEST_F(SegmentationDatasetTest, Digest_ChangesWithAnyByte) {
  add("a", {0, 0, 0, 0});
  const std::string before = open()->digest(posix_file_system()).value();
  EXPECT_EQ(open()->digest(posix_file_system()).value(), before);
  add("a", {0, 0, 0, 1});
  EXPECT_NE(open()->digest(posix_file_system()).value(), before);
  add("a", {0, 0, 0, 0});
  EXPECT_EQ(open()->digest(posix_file_system()).value(), before);
  classes_ += "bird\n";
  EXPECT_NE(open()->digest(posix_file_system()).value(), before);
}

}  // namespace
}  // namespace tagalign::data
