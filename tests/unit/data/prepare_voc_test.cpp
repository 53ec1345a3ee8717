// Miniatures of VOCtrainval_11-May-2012.tar, and of VOCtrainval_03-May-2010.tar
// with its companion trainval_merged.json.
#include <nlohmann/json.hpp>

#include "tests/unit/data/prepare_fixture.h"

namespace tagalign::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class PrepareVocTest : public PrepareTest {
 protected:
  /// As the tar unpacks: annotations, main lists, instance masks and training images
  /// beside what is needed.
  void unpack(const std::string& root) {
    for (const char* name : {"2007_000032", "2007_000033", "2007_000042", "2008_000008"})
      photo(root + "/JPEGImages/" + name + ".jpg");
    for (const char* name : {"2007_000032", "2007_000033", "2007_000042"}) {
      text(root + "/SegmentationClass/" + name + ".png", palette_png(4, 3, kIndices));
      text(root + "/SegmentationObject/" + name + ".png", palette_png(4, 3, kIndices));
      text(root + "/Annotations/" + std::string(name) + ".xml", "<annotation/>");
    }
    text(root + "/ImageSets/Segmentation/train.txt", "2007_000032\n");
    text(root + "/ImageSets/Segmentation/val.txt", "2007_000033\r\n2007_000042 \n\n2007_000033\n");
    text(root + "/ImageSets/Segmentation/trainval.txt", "2007_000032\n2007_000033\n2007_000042\n");
    text(root + "/ImageSets/Main/aeroplane_val.txt", "2007_000033  1\n");
    litter(root + "/JPEGImages");
    litter(root + "/SegmentationClass");
  }

  const std::vector<std::uint8_t> kIndices{0, 1, 20, 255, 0, 0, 15, 15, 0, 0, 0, 0};
};

TEST_F(PrepareVocTest, UnpackedTar_BecomesTheValidationSet) {
  unpack("VOCdevkit/VOC2012");
  const PrepareReport report = prepared("voc");
  EXPECT_EQ(report.made, 4U);
  EXPECT_EQ(report.root, output() / "VOCdevkit/VOC2012");
  const auto files = files_below(report.root);
  EXPECT_THAT(files, SizeIs(5));
  EXPECT_EQ(files.at("ImageSets/Segmentation/val.txt"), "2007_000033\n2007_000042\n");
  EXPECT_TRUE(files.contains("JPEGImages/2007_000042.jpg"));
  EXPECT_THAT(ids("VOCdevkit/VOC2012/SegmentationClass/2007_000033.png"),
              ::testing::ElementsAreArray(kIndices));
}

TEST_F(PrepareVocTest, DeeperFolder_CapitalEndings_OtherYearBeside_AreFound) {
  unpack("downloads/TrainVal/VOCdevkit/VOC2012");
  unpack("downloads/VOCdevkit/VOC2007");
  const Path photos = source() / "downloads/TrainVal/VOCdevkit/VOC2012/JPEGImages";
  std::filesystem::rename(photos / "2007_000033.jpg", photos / "2007_000033.JPG");
  text("downloads/VOCdevkit/VOC2007/ImageSets/Segmentation/val.txt", "000005\n");
  prepared("voc20");
  EXPECT_TRUE(has("VOCdevkit/VOC2012/JPEGImages/2007_000033.jpg"));
}

/// Field case voc-mirror-folder-name.
TEST_F(PrepareVocTest, FolderOfAMirror_IsTakenByItsParts) {
  for (const char* name :
       {"VOC2012_train_val", "VOC2012", "pascal", "VOC2012-mirror/data", "VOC"}) {
    std::filesystem::remove_all(source());
    std::filesystem::remove_all(output());
    unpack(name);
    EXPECT_EQ(prepared("voc").made, 4U) << name;
  }
}

TEST_F(PrepareVocTest, OtherYearsBesideAMirror_AreNotTaken) {
  for (const char* other : {"A/VOC2007", "A/VOC2010", "A/VOC2007_trainval"}) {
    std::filesystem::remove_all(source());
    std::filesystem::remove_all(output());
    unpack(other);
    unpack("Z/more/VOC2012_train_val");
    text(std::string(other) + "/ImageSets/Segmentation/val.txt", "000005\n");
    EXPECT_EQ(prepared("voc").made, 4U) << other;
  }
}

TEST_F(PrepareVocTest, Training_IsPreparedWhenAskedFor) {
  unpack("VOCdevkit/VOC2012");
  BenchmarkSource with = options("voc");
  with.with_training = true;
  ASSERT_TRUE(prepare_benchmark(posix_file_system(), clock_, with, {}).ok());
  EXPECT_TRUE(has("VOCdevkit/VOC2012/SegmentationClass/2007_000032.png"));
  EXPECT_EQ(bytes("VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt"), "2007_000032\n");
}

TEST_F(PrepareVocTest, ListedFilesThatAreAbsent_AreNamed_TheOthersMade) {
  unpack("VOCdevkit/VOC2012");
  std::filesystem::remove(source() / "VOCdevkit/VOC2012/JPEGImages/2007_000033.jpg");
  std::filesystem::remove(source() / "VOCdevkit/VOC2012/SegmentationClass/2007_000042.png");
  const auto report = prepare("voc");
  ASSERT_TRUE(report.ok());
  ASSERT_THAT(report->missing, SizeIs(2));
  EXPECT_EQ(report->missing[0].file, "2007_000033.jpg");
  EXPECT_EQ(report->missing[1].file, "2007_000042.png");
  EXPECT_EQ(report->made, 2U);
}

TEST_F(PrepareVocTest, OtherYear_SaysWhatWasLookedForAndFound) {
  unpack("VOCdevkit/VOC2007");
  const Status status = prepare("voc").status();
  EXPECT_EQ(status.code(), ErrorCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("Looked for a folder VOC2012 with JPEGImages"));
  EXPECT_THAT(status.message(), HasSubstr("VOCdevkit/VOC2007 (5 folders, 0 files)"));
  EXPECT_THAT(status.message(), HasSubstr("VOCtrainval_11-May-2012.tar"));
  EXPECT_THAT(status.message(),
              HasSubstr("VOC2007 is another year of Pascal VOC: voc is made from VOC2012"));
  EXPECT_FALSE(std::filesystem::exists(output()));
}

TEST_F(PrepareVocTest, MirrorOfAnotherYear_IsNotTakenForThisOne) {
  unpack("VOC2007_trainval");
  const Status status = prepare("voc").status();
  EXPECT_EQ(status.code(), ErrorCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("VOC2007_trainval is another year of Pascal VOC"));
}

TEST_F(PrepareVocTest, AbsentSource_IsNamed) {
  const Status status = prepare("voc").status();
  EXPECT_EQ(status.code(), ErrorCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr(source().string()));
}

TEST_F(PrepareVocTest, UnknownName_ListsTheNames) {
  const Status status = prepare("voc21").status();
  EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("voc, voc20, context"));
}

class PrepareContextTest : public PrepareTest {
 protected:
  using json = nlohmann::json;

  static json image(int id, const std::string& name, const std::string& phase) {
    return {{"image_id", id}, {"file_name", name}, {"phase", phase},
            {"height", 3},    {"width", 4},        {"date_captured", "31-Dec-2009"}};
  }
  json mask(int id, int image_id, int category, const std::vector<int>& pixels) {
    const json segmentation{{"size", {3, 4}}, {"counts", compressed_runs(3, 4, pixels)}};
    return {{"id", id},
            {"image_id", image_id},
            {"category_id", category},
            {"segmentation", segmentation},
            {"area", 4},
            {"bbox", {0, 0, 4, 3}},
            {"iscrowd", 0},
            {"parts", {{{"part_id", 16}, {"segmentation", segmentation}}}}};
  }
  /// Records of other kinds stand before, between and behind, as in the real file.
  json document() {
    return {{"annos_boundary", {{{"image_id", 2008000002}, {"boundary", {{"size", {3, 4}}}}}}},
            {"annos_occlusion", {{{"image_id", 2008000002}, {"ow", json::array()}}}},
            {"annos_segmentation",
             {mask(1, 2008000002, 360, {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0}),
              mask(2, 2008000002, 427, {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}),
              mask(3, 2008000003, 2, {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})}},
            {"categories", {{{"category_id", 2}, {"name", "aeroplane"}, {"parts", {1, 2}}}}},
            {"images",
             {image(2008000002, "2008_000002.jpg", "val"),
              image(2008000003, "2008_000003.jpg", "train"),
              image(2008000009, "2008_000009.jpg", "val")}},
            {"info", {{"version", "1.0"}}},
            {"parts", {{{"part_id", 16}, {"name", "head"}}}}};
  }
  void unpack() {
    for (const char* name : {"2008_000002", "2008_000003", "2008_000009"})
      photo(std::string("VOCdevkit/VOC2010/JPEGImages/") + name + ".jpg");
    text("VOCdevkit/VOC2010/ImageSets/Segmentation/val.txt", "2008_000002\n");
    litter("VOCdevkit/VOC2010/JPEGImages");
  }
};

TEST_F(PrepareContextTest, Json_BecomesLabelsAndLists) {
  unpack();
  text("trainval_merged.json", document().dump());
  prepared("context");
  const std::string root = "VOCdevkit/VOC2010/";
  // 360 and 427 are numbers 47 and 55 of the scored categories; the later mask covers the earlier.
  EXPECT_THAT(ids(root + "SegmentationClassContext/2008_000002.png"),
              ElementsAre(47, 47, 47, 55, 47, 47, 47, 55, 0, 0, 0, 55));
  EXPECT_THAT(ids(root + "SegmentationClassContext/2008_000009.png"), ::testing::Each(0));
  EXPECT_FALSE(has(root + "SegmentationClassContext/2008_000003.png"));
  EXPECT_EQ(bytes(root + "ImageSets/SegmentationContext/val.txt"), "2008_000002\n2008_000009\n");
  EXPECT_TRUE(has(root + "JPEGImages/2008_000009.jpg"));
}

TEST_F(PrepareContextTest, PlainRunLengths_AreReadToo) {
  unpack();
  json file = document();
  file["annos_segmentation"][0]["segmentation"]["counts"] = {0, 3, 9};
  text("trainval_merged.json", file.dump(1));
  prepared("context59");
  EXPECT_THAT(ids("VOCdevkit/VOC2010/SegmentationClassContext/2008_000002.png"),
              ElementsAre(47, 0, 0, 55, 47, 0, 0, 55, 47, 0, 0, 55));
}

TEST_F(PrepareContextTest, LabelsMadeEarlier_AreTakenAndSaid) {
  unpack();
  label("VOCdevkit/VOC2010/SegmentationClassContext/2008_000002.png", {0, 59});
  text("VOCdevkit/VOC2010/ImageSets/SegmentationContext/val.txt", "2008_000002\n");
  const PrepareReport report = prepared("context");
  ASSERT_THAT(report.notes, SizeIs(1));
  EXPECT_THAT(report.notes[0], HasSubstr("not made from trainval_merged.json"));
}

TEST_F(PrepareContextTest, BrokenMask_IsNamed_TheOthersMade) {
  unpack();
  json file = document();
  file["annos_segmentation"][1]["segmentation"]["counts"] = "zz";
  text("trainval_merged.json", file.dump());
  const auto report = prepare("context");
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  ASSERT_THAT(report->failures, SizeIs(1));
  EXPECT_EQ(report->failures[0].file, "SegmentationClassContext/2008_000002.png");
  EXPECT_THAT(report->failures[0].detail, HasSubstr("run lengths"));
  EXPECT_TRUE(has("VOCdevkit/VOC2010/SegmentationClassContext/2008_000009.png"));
}

TEST_F(PrepareContextTest, CategoryOutsideThe59_IsNamed) {
  unpack();
  json file = document();
  file["annos_segmentation"][0]["category_id"] = 7;
  text("trainval_merged.json", file.dump());
  const auto report = prepare("context");
  ASSERT_THAT(report->failures, SizeIs(1));
  EXPECT_THAT(report->failures[0].detail, HasSubstr("expected one of the 59 categories, found 7"));
}

TEST_F(PrepareContextTest, CutOrForeignJson_IsRefused) {
  unpack();
  const std::string whole = document().dump();
  text("trainval_merged.json", whole.substr(0, whole.size() / 2));
  EXPECT_EQ(prepare("context").status().code(), ErrorCode::kDataLoss);
  EXPECT_THAT(prepare("context").status().message(), HasSubstr("download the file again"));
  text("trainval_merged.json", R"({"images": [{"id": 3}]})");
  EXPECT_THAT(prepare("context").status().message(), HasSubstr("record 1 of images"));
  text("trainval_merged.json", R"({"images": []})");
  EXPECT_THAT(prepare("context").status().message(), HasSubstr("no image of phase 'val'"));
}

TEST_F(PrepareContextTest, NoJson_NamesIt) {
  unpack();
  const Status status = prepare("context").status();
  EXPECT_EQ(status.code(), ErrorCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("Looked for trainval_merged.json"));
}

}  // namespace
}  // namespace tagalign::data
