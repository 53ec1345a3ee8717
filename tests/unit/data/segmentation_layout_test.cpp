// Data sets in the layouts of the public benchmarks, in miniature.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/datasets/segmentation_dataset.h"
#include "tests/unit/data/image_samples.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class SegmentationLayoutTest : public ::testing::Test {
 protected:
  SegmentationLayoutTest() {
    options_.name = "toy";
    options_.class_names = {"a", "b", "c"};
  }

  void put_image(const std::string& name, int width = 2, int height = 2) {
    folder_.write(name, encode_jpeg(sample_image(width, height), 90));
  }
  void put_label(const std::string& name, const std::vector<std::uint16_t>& ids = {0, 1, 2, 255}) {
    folder_.write(name, encode_label_png({2, 2, ids}));
  }
  void look_in(const std::string& images, const std::string& labels) {
    options_.images = folder_.path() / images;
    options_.labels = folder_.path() / labels;
  }
  void use_voc() {
    look_in("JPEGImages", "SegmentationClass");
    options_.image_suffix = ".jpg";
    options_.split = folder_.path() / "ImageSets/val.txt";
  }

  Result<SegmentationDataset> open() {
    return SegmentationDataset::open(posix_file_system(), options_);
  }
  std::string message() {
    const auto dataset = open();
    return dataset.ok() ? "accepted" : dataset.status().message();
  }
  std::string read_message(std::size_t index = 0) {
    const auto sample = open()->read(posix_file_system(), index);
    return sample.ok() ? "accepted" : sample.status().message();
  }
  std::vector<std::string> names() {
    std::vector<std::string> names;
    const auto dataset = open();
    EXPECT_TRUE(dataset.ok()) << dataset.status().message();
    for (std::size_t i = 0; dataset.ok() && i < dataset->size(); ++i) {
      names.push_back(dataset->item_name(i));
    }
    return names;
  }

  TemporaryFolder folder_;
  SegmentationDatasetOptions options_;
};

TEST_F(SegmentationLayoutTest, Voc_OnlyWhatTheListNames_IsRead) {
  use_voc();
  for (const char* name : {"2007_000033", "2007_000042", "2012_004331"}) {
    put_image("JPEGImages/" + std::string(name) + ".jpg");
    put_label("SegmentationClass/" + std::string(name) + ".png");
  }
  put_image("JPEGImages/2008_000001.jpg");  // without a label, and in no list
  folder_.write("ImageSets/val.txt", "2012_004331\r\n2007_000033 \n\n");
  options_.expected_images = 2;
  EXPECT_THAT(names(), ElementsAre("2007_000033", "2012_004331"));
  EXPECT_THAT(open()->read(posix_file_system(), 1)->label.ids, ElementsAre(0, 1, 2, 255));
}

TEST_F(SegmentationLayoutTest, ListThatDoesNotFit_NamesTheFirstTen) {
  use_voc();
  put_image("JPEGImages/a.jpg");
  put_label("SegmentationClass/a.png");
  put_image("JPEGImages/b.jpg");
  std::string list = "a\na\nb\n../c\n/d\n";
  for (int i = 0; i < 9; ++i) list += "gone" + std::to_string(i) + "\n";
  folder_.write("ImageSets/val.txt", list);
  const std::string text = message();
  EXPECT_THAT(text, HasSubstr("a (stands in the list twice), b (no label), ../c (leads out of the "
                              "folder), /d (leads out of the folder), gone0 (no image)"));
  EXPECT_THAT(text, HasSubstr("gone5 (no image) and 3 more"));
  EXPECT_THAT(text, HasSubstr("ImageSets/val.txt"));
}

TEST_F(SegmentationLayoutTest, ListWithCapitalEndings_FindsWhatTheWalkFinds) {
  look_in("images", "labels");
  put_image("images/a.JPG");
  put_image("images/sub/b.Jpeg");
  put_label("labels/a.PNG");
  put_label("labels/sub/b.png");
  folder_.write("val.txt", "a\n./sub/b\n");
  options_.split = folder_.path() / "val.txt";
  EXPECT_THAT(names(), ElementsAre("a", "./sub/b"));
  options_.split.clear();
  EXPECT_THAT(names(), ElementsAre("a", "sub/b"));
}

TEST_F(SegmentationLayoutTest, WhatFileManagersLeave_CountsNowhere) {
  look_in("images", "labels");
  put_image("images/a.jpg");
  put_label("labels/a.png");
  for (const char* junk : {"images/Thumbs.db", "images/.DS_Store", "labels/desktop.ini",
                           "labels/__MACOSX/a.png", "images/@eaDir/a.jpg", "images/._a.jpg"})
    folder_.write(junk, "");
  EXPECT_THAT(names(), ElementsAre("a"));
}

TEST_F(SegmentationLayoutTest, MissingOrEmptyList_IsNamed) {
  use_voc();
  EXPECT_THAT(message(), HasSubstr("ImageSets/val.txt"));
  folder_.write("ImageSets/val.txt", "\n");
  EXPECT_THAT(message(), HasSubstr("found none"));
}

TEST_F(SegmentationLayoutTest, Cityscapes_NestedFoldersAndOtherFiles_MatchByRelativePath) {
  look_in("leftImg8bit/val", "gtFine/val");
  options_.image_suffix = "_leftImg8bit.png";
  options_.label_suffix = "_gtFine_labelTrainIds.png";
  for (const char* name : {"frankfurt/frankfurt_000000_000294", "munster/munster_000173_000019"}) {
    const std::string stem = name;
    folder_.write("leftImg8bit/val/" + stem + "_leftImg8bit.png", encode_png(sample_image(2, 2)));
    put_label("gtFine/val/" + stem + "_gtFine_labelTrainIds.png");
    put_label("gtFine/val/" + stem + "_gtFine_labelIds.png", {7, 8, 11, 33});
    folder_.write("gtFine/val/" + stem + "_gtFine_polygons.json", "{}");
  }
  EXPECT_THAT(names(),
              ElementsAre("frankfurt/frankfurt_000000_000294", "munster/munster_000173_000019"));
  EXPECT_THAT(open()->read(posix_file_system(), 0)->label.ids, ElementsAre(0, 1, 2, 255));
}

TEST_F(SegmentationLayoutTest, CocoStuffAndObject_ShareTheirFolders) {
  look_in("images/val2017", "annotations/val2017");
  options_.image_suffix = ".jpg";
  for (const char* name : {"000000000139", "000000000285"}) {
    const std::string stem = name;
    put_image("images/val2017/" + stem + ".jpg");
    put_label("annotations/val2017/" + stem + ".png", {61, 71, 84, 255});
    put_label("annotations/val2017/" + stem + "_labelTrainIds.png", {2, 2, 2, 2});
    put_label("annotations/val2017/" + stem + "_instanceTrainIds.png", {1, 1, 1, 1});
  }
  options_.label_suffix = "_labelTrainIds.png";
  EXPECT_THAT(open()->read(posix_file_system(), 0)->label.ids, ElementsAre(2, 2, 2, 2));
  options_.label_suffix = "_instanceTrainIds.png";
  EXPECT_THAT(open()->read(posix_file_system(), 1)->label.ids, ElementsAre(1, 1, 1, 1));
}

TEST_F(SegmentationLayoutTest, OneSuffixThatEndsLikeAnother_MakesTheFilesAmbiguous) {
  look_in("images", "labels");
  options_.image_suffix = ".jpg";
  put_image("images/a.jpg");
  put_label("labels/a.png");
  put_label("labels/a_labelTrainIds.png");
  EXPECT_THAT(message(), HasSubstr("a_labelTrainIds.png (label without image)"));
}

TEST_F(SegmentationLayoutTest, AnotherNumberOfImages_IsRefusedWithBoth) {
  look_in("images", "labels");
  put_image("images/a.jpg");
  put_label("labels/a.png");
  options_.expected_images = 752;
  EXPECT_THAT(message(), HasSubstr("expected 752 images"));
  EXPECT_THAT(message(), HasSubstr("found 1; complete the data set, or set expected_images to 0"));
}

class ImageNetSTest : public SegmentationLayoutTest {
 protected:
  ImageNetSTest() {
    look_in("validation", "validation-segmentation");
    options_.image_suffix = ".JPEG";
    options_.label_encoding = LabelEncoding::kRgb16;
    options_.ignore_index = 1000;
    options_.max_pixels = 1000;
    options_.max_pixels_side = 30;
    options_.class_names.assign(301, "thing");
  }
  /// Every pixel holds `id`.
  void put_rgb_label(const std::string& name, int width, int height, int id) {
    Image image{width, height, 3, {}};
    for (int i = 0; i < width * height; ++i) {
      image.pixels.push_back(static_cast<std::uint8_t>(id % 256));
      image.pixels.push_back(static_cast<std::uint8_t>(id / 256));
      image.pixels.push_back(0);
    }
    folder_.write(name, encode_png(image));
  }
};

TEST_F(ImageNetSTest, LargeImage_IsShrunk_ItsLabelIsNot) {
  put_image("validation/n01440764/ILSVRC2012_val_00000293.JPEG", 41, 40);
  put_rgb_label("validation-segmentation/n01440764/ILSVRC2012_val_00000293.png", 41, 40, 300);
  const auto sample = open()->read(posix_file_system(), 0);
  ASSERT_TRUE(sample.ok()) << sample.status().message();
  EXPECT_EQ(sample->name, "n01440764/ILSVRC2012_val_00000293");
  EXPECT_EQ(sample->image.width, 30);
  EXPECT_EQ(sample->image.height, 29);  // 30 · 40 / 41, truncated
  EXPECT_EQ(sample->label.width, 41);
  EXPECT_THAT(sample->label.ids, ::testing::Each(300));
}

TEST_F(ImageNetSTest, ImageOfAsManyPixelsAsAllowed_KeepsItsSize) {
  put_image("validation/a.JPEG", 40, 25);
  put_rgb_label("validation-segmentation/a.png", 40, 25, 1000);
  const auto sample = open()->read(posix_file_system(), 0);
  ASSERT_TRUE(sample.ok()) << sample.status().message();
  EXPECT_EQ(sample->image.width, 40);
  EXPECT_EQ(
      sample->image.pixels,
      read_image(posix_file_system(), folder_.path() / "validation/a.JPEG", ReadAs::kEvaluation)
          ->pixels);
}

TEST_F(ImageNetSTest, LabelInTheOtherEncoding_IsRefused) {
  put_image("validation/a.JPEG");
  put_label("validation-segmentation/a.png");
  EXPECT_THAT(read_message(), HasSubstr("expected RGB (label_encoding rgb16: R + 256·G), found "
                                        "grey or palette"));
  put_rgb_label("validation-segmentation/a.png", 2, 2, 1);
  EXPECT_EQ(read_message(), "accepted");
  options_.label_encoding = LabelEncoding::kIndex;
  EXPECT_THAT(read_message(), HasSubstr("expected a grey or palette PNG of class indices, found "
                                        "RGB"));
}

TEST_F(ImageNetSTest, IdBetweenTheClassesAndTheIgnoredOne_IsRefused) {
  put_image("validation/a.JPEG");
  put_rgb_label("validation-segmentation/a.png", 2, 2, 301);
  EXPECT_THAT(read_message(), HasSubstr("expected 0 … 300 or 1000, found 301 at x 0, y 0"));
}

TEST_F(SegmentationLayoutTest, InlineClasses_NeedNoFile) {
  look_in("images", "labels");
  put_image("images/sub/a.jpg");
  put_label("labels/sub/a.png");
  EXPECT_THAT(open()->classes(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(names(), ElementsAre("sub/a"));
  options_.class_names.clear();
  options_.classes = folder_.path() / "classes.txt";
  EXPECT_THAT(message(), HasSubstr("classes.txt"));
}

TEST_F(SegmentationLayoutTest, CircleOfFolders_IsRefused) {
  look_in("images", "labels");
  put_image("images/a.jpg");
  put_label("labels/a.png");
  std::filesystem::create_directory_symlink(folder_.path() / "images",
                                            folder_.path() / "images/again");
  EXPECT_THAT(message(), HasSubstr("is there a circle?"));
}

TEST(LimitPixels, LongerSide_IsSet_ShorterOneTruncated) {
  const auto limited = [](int width, int height) {
    const Size size = limit_pixels({width, height}, 1'000'000, 1000);
    return std::pair(size.width, size.height);
  };
  EXPECT_EQ(limited(1000, 1000), std::pair(1000, 1000));
  EXPECT_EQ(limited(1001, 1000), std::pair(1000, 999));
  EXPECT_EQ(limited(1333, 2000), std::pair(666, 1000));
  EXPECT_EQ(limited(1200, 1200), std::pair(1000, 1000));
  EXPECT_EQ(limited(2'000'000, 1), std::pair(1000, 1));
}

TEST(NearestResize, Enlarged_EachPixelComesFromBeforeItsPosition) {
  const LabelMap small{2, 2, {1, 2, 3, 400}};
  EXPECT_THAT(resize_nearest_opencv(small, 5, 2).ids,
              ElementsAre(1, 1, 1, 2, 2, 3, 3, 3, 400, 400));
  EXPECT_EQ(resize_nearest_opencv(small, 2, 2).ids, small.ids);
}

}  // namespace
}  // namespace tagalign::data
