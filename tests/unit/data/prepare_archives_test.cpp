// Miniatures of COCO-Stuff 164k, Cityscapes, ADE20K, ImageNet-S, and a user's own folder.
#include "base/format.h"
#include "tests/unit/data/prepare_fixture.h"

namespace tagalign::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kPhoto[] = "000000000139";

class PrepareCocoTest : public PrepareTest {
 protected:
  /// images/ and annotations/ as the dataset guide unpacks the two zips.
  void unpack() {
    photo(format("images/val2017/{}.jpg", kPhoto));
    label(format("annotations/val2017/{}.png", kPhoto), {0, 89, 91, 181, 255, 10, 11, 12});
    photo("images/train2017/000000000009.jpg");
    label("annotations/train2017/000000000009.png", {0});
    litter("images/val2017");
    litter("annotations/val2017");
  }
};

TEST_F(PrepareCocoTest, Stuff_GetsTrainIds) {
  unpack();
  prepared("coco_stuff");
  EXPECT_THAT(ids("coco_stuff164k/annotations/val2017/000000000139_labelTrainIds.png"),
              ElementsAre(0, 79, 80, 170, 255, 10, 11, 11, 11, 11, 11, 11));
  EXPECT_THAT(files_below(output()), SizeIs(2));
}

TEST_F(PrepareCocoTest, Object_GetsThingsAndBackground) {
  unpack();
  prepared("coco_object");
  EXPECT_THAT(ids("coco_stuff164k/annotations/val2017/000000000139_instanceTrainIds.png"),
              ElementsAre(1, 80, 0, 0, 0, 11, 11, 12, 12, 12, 12, 12));
}

TEST_F(PrepareCocoTest, ZipsUnpackedIntoOneFolder_AreToldApart) {
  photo(format("val2017/{}.jpg", kPhoto));
  label(format("val2017/{}.png", kPhoto), {1});
  label(format("val2017/{}_labelTrainIds.png", kPhoto), {7});
  prepared("coco_object");
  EXPECT_THAT(ids("coco_stuff164k/annotations/val2017/000000000139_instanceTrainIds.png"),
              ::testing::Each(2));
}

TEST_F(PrepareCocoTest, OnlyConvertedMaps_AreTakenAndSaid) {
  photo(format("val2017/{}.jpg", kPhoto));
  label(format("stuffthingmaps/val2017/{}_labelTrainIds.png", kPhoto), {7});
  const PrepareReport report = prepared("coco_stuff");
  ASSERT_THAT(report.notes, SizeIs(1));
  EXPECT_THAT(ids("coco_stuff164k/annotations/val2017/000000000139_labelTrainIds.png"),
              ::testing::Each(7));
}

TEST_F(PrepareCocoTest, SourceIsOutput_OnlyLabelsAreAdded) {
  photo(format("coco_stuff164k/images/val2017/{}.jpg", kPhoto));
  label(format("coco_stuff164k/annotations/val2017/{}.png", kPhoto), {1});
  BenchmarkSource in_place = options("coco_stuff");
  in_place.output = in_place.source;
  const auto report = prepare_benchmark(posix_file_system(), clock_, in_place, {});
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->made, 1U);
  EXPECT_EQ(report->kept, 1U);
  EXPECT_THAT(files_below(source()), SizeIs(3));
}

TEST_F(PrepareCocoTest, Training_IsPreparedWhenAskedFor) {
  unpack();
  BenchmarkSource with = options("coco_stuff");
  with.with_training = true;
  ASSERT_TRUE(prepare_benchmark(posix_file_system(), clock_, with, {}).ok());
  EXPECT_TRUE(has("coco_stuff164k/images/train2017/000000000009.jpg"));
  EXPECT_TRUE(has("coco_stuff164k/annotations/train2017/000000000009_labelTrainIds.png"));
}

TEST_F(PrepareCocoTest, PhotoOrMapWithoutPartner_IsNamed) {
  unpack();
  photo("images/val2017/000000000285.jpg");
  label("annotations/val2017/000000000632.png", {0});
  const auto report = prepare("coco_stuff");
  ASSERT_TRUE(report.ok());
  ASSERT_THAT(report->missing, SizeIs(2));
  EXPECT_EQ(report->missing[0].file, "000000000285.png");
  EXPECT_EQ(report->missing[1].file, "000000000632.jpg");
}

TEST_F(PrepareCocoTest, ForeignOrBrokenMap_IsNamed_TheOthersMade) {
  unpack();
  photo("images/val2017/000000000285.jpg");
  label("annotations/val2017/000000000285.png", {183});  // "other" of the stuff-only annotations
  photo("images/val2017/000000000632.jpg");
  text("annotations/val2017/000000000632.png", "\x89PNG\r\n\x1a\n cut");
  const auto report = prepare("coco_stuff");
  ASSERT_THAT(report->failures, SizeIs(2));
  EXPECT_THAT(report->failures[0].detail, HasSubstr("expected ids 0 … 181 and 255, found 183"));
  EXPECT_THAT(report->failures[1].detail, HasSubstr("000000000632.png"));
  EXPECT_EQ(report->made, 4U);
}

TEST_F(PrepareCocoTest, NoMaps_NamesTheArchive) {
  photo(format("images/val2017/{}.jpg", kPhoto));
  const Status status = prepare("coco_stuff").status();
  EXPECT_EQ(status.code(), ErrorCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("stuffthingmaps_trainval2017.zip"));
}

class PrepareCityscapesTest : public PrepareTest {
 protected:
  static constexpr char kLindau[] = "lindau/lindau_000000_000019";
  static constexpr char kMunster[] = "munster/munster_000000_000019";

  void unpack() {
    for (const char* name : {kLindau, kMunster}) {
      text(format("leftImg8bit_trainvaltest/leftImg8bit/val/{}_leftImg8bit.png", name),
           encode_png(sample_image(4, 3)));
      for (const char* kind : {"color", "instanceIds"})
        label(format("gtFine_trainvaltest/gtFine/val/{}_gtFine_{}.png", name, kind), {7});
      label(gt(name, "labelIds.png"), {7, 8, 0, 33, 4, 24});
      text(gt(name, "polygons.json"), kPolygons);
    }
    text("gtFine_trainvaltest/README", "");
    text("gtFine_trainvaltest/license.txt", "");
    text("leftImg8bit_trainvaltest/leftImg8bit/test/berlin/berlin_0_leftImg8bit.png", "skipped");
    litter("gtFine_trainvaltest/gtFine/val/lindau");
  }
  static std::string gt(const std::string& name, const std::string& kind) {
    return format("gtFine_trainvaltest/gtFine/val/{}_gtFine_{}", name, kind);
  }
  static std::string made(const std::string& name) {
    return format("cityscapes/gtFine/val/{}_gtFine_labelTrainIds.png", name);
  }

  static constexpr char kPolygons[] = R"({"imgHeight": 3, "imgWidth": 4, "objects": [
    {"label": "road", "polygon": [[0, 1], [3, 1], [3, 2], [0, 2]]},
    {"label": "cargroup", "polygon": [[1, 1], [2, 1], [2, 1]], "deleted": 0},
    {"label": "sky", "polygon": [[0, 0], [3, 0], [3, 2]], "deleted": 1},
    {"label": "license plate", "polygon": [[0, 0], [3, 0], [3, 2]]},
    {"label": "out of roi", "polygon": [[0, 2], [0, 2], [0, 2]]}]})";
};

TEST_F(PrepareCityscapesTest, LabelIds_BecomeTrainIds) {
  unpack();
  const PrepareReport report = prepared("cityscapes");
  EXPECT_THAT(report.notes, ::testing::IsEmpty());
  EXPECT_THAT(ids(made(kLindau)), ElementsAre(0, 1, 255, 18, 255, 11, 11, 11, 11, 11, 11, 11));
  EXPECT_TRUE(has("cityscapes/leftImg8bit/val/munster/munster_000000_000019_leftImg8bit.png"));
  EXPECT_THAT(files_below(output()), SizeIs(4));
}

TEST_F(PrepareCityscapesTest, WithoutLabelIds_PolygonsAreDrawnAndSaid) {
  unpack();
  std::filesystem::remove(source() / gt(kLindau, "labelIds.png"));
  const PrepareReport report = prepared("cityscapes");
  ASSERT_THAT(report.notes, SizeIs(1));
  EXPECT_THAT(report.notes[0], HasSubstr("val/lindau: 1 label map drawn from polygons"));
  EXPECT_THAT(ids(made(kLindau)), ElementsAre(255, 255, 255, 255, 0, 13, 13, 0, 255, 0, 0, 0));
}

TEST_F(PrepareCityscapesTest, NoGroundTruthOfAPhoto_IsNamed) {
  unpack();
  std::filesystem::remove(source() / gt(kLindau, "labelIds.png"));
  std::filesystem::remove(source() / gt(kLindau, "polygons.json"));
  const auto report = prepare("cityscapes");
  ASSERT_THAT(report->missing, SizeIs(1));
  EXPECT_THAT(report->missing[0].detail, HasSubstr("neither ids nor polygons"));
}

TEST_F(PrepareCityscapesTest, BrokenPolygons_AreNamed) {
  unpack();
  for (const char* name : {kLindau, kMunster})
    std::filesystem::remove(source() / gt(name, "labelIds.png"));
  text(gt(kLindau, "polygons.json"), R"({"imgHeight": 3})");
  text(gt(kMunster, "polygons.json"),
       R"({"imgHeight": 3, "imgWidth": 4, "objects": [{"label": "dragon", "polygon": []}]})");
  const auto report = prepare("cityscapes");
  ASSERT_THAT(report->failures, SizeIs(2));
  EXPECT_THAT(report->failures[0].detail, HasSubstr("expected the polygons of Cityscapes"));
  EXPECT_THAT(report->failures[1].detail, HasSubstr("found 'dragon'"));
}

TEST_F(PrepareCityscapesTest, CoarseLabels_AreNotTaken) {
  text("leftImg8bit/val/lindau/lindau_000000_000019_leftImg8bit.png", "");
  text("gtCoarse/val/lindau/lindau_000000_000019_gtCoarse_labelIds.png", "");
  const Status status = prepare("cityscapes").status();
  EXPECT_EQ(status.code(), ErrorCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("not gtCoarse.zip"));
  EXPECT_THAT(status.message(), HasSubstr("gtCoarse (1 folder, 0 files)"));
}

class PrepareAdeTest : public PrepareTest {};

TEST_F(PrepareAdeTest, Zip_IsCopiedWithoutItsOddFiles) {
  const std::string root = "ADEChallengeData2016/";
  photo(root + "images/validation/ADE_val_00000001.jpg");
  label(root + "annotations/validation/ADE_val_00000001.png", {0, 150});
  photo(root + "images/training/ADE_train_00000001.jpg");
  text(root + "objectInfo150.txt", "Idx\tRatio\n");
  text(root + "sceneCategories.txt", "ADE_val_00000001 bathroom\n");
  litter(root + "images/validation");
  prepared("ade20k");
  EXPECT_THAT(files_below(output()), SizeIs(2));
  EXPECT_THAT(ids(root + "annotations/validation/ADE_val_00000001.png")[1], 150);
}

TEST_F(PrepareAdeTest, FullDataset_IsNotTaken) {
  photo("ADE20K_2021_17_01/images/ADE/validation/urban/street/ADE_val_00000001.jpg");
  EXPECT_THAT(prepare("ade20k").status().message(), HasSubstr("ADEChallengeData2016.zip"));
}

class PrepareImagenetsTest : public PrepareTest {
 protected:
  static constexpr char kFish[] = "n01443537/ILSVRC2012_val_00004677";
  static constexpr char kShark[] = "n01491361/ILSVRC2012_val_00000331";

  /// A colour PNG whose pixels all are R + 256·G = id.
  void colour_label(const std::string& name, int id) {
    Image image{4, 3, 3, {}};
    for (int i = 0; i < 12; ++i) {
      for (const int value : {id % 256, id / 256, 0})
        image.pixels.push_back(static_cast<std::uint8_t>(value));
    }
    text(name, encode_png(image));
  }
  /// As the official list of the 919 classes, with invented synsets around the two real ones.
  std::string categories(int count) {
    std::string lines;
    for (int i = 0; i < count - 2; ++i) lines += format("n2{:07}\n", i);
    return lines + "n01491361\nn01443537";
  }
};

TEST_F(PrepareImagenetsTest, SubsetZipAndFlatPhotos_BecomeTheValidationSet) {
  colour_label(format("ImageNetS50/validation-segmentation/{}.png", kFish), 1);
  colour_label(format("ImageNetS50/train-semi-segmentation/{}.png", kShark), 2);
  photo("ILSVRC/Data/CLS-LOC/val/ILSVRC2012_val_00004677.JPEG");
  photo("ILSVRC/Data/CLS-LOC/val/ILSVRC2012_val_00000001.JPEG");
  photo("ILSVRC/Data/CLS-LOC/train/n01443537/n01443537_1.JPEG");
  litter("ImageNetS50/validation-segmentation/n01443537");
  prepared("imagenets50");
  const auto files = files_below(output());
  EXPECT_THAT(files, SizeIs(2));
  EXPECT_TRUE(files.contains(format("ImageNetS/ImageNetS50/validation/{}.JPEG", kFish)));
  EXPECT_THAT(ids(format("ImageNetS/ImageNetS50/validation-segmentation/{}.png", kFish)),
              ::testing::Each(1));
}

TEST_F(PrepareImagenetsTest, PhotosInFoldersOfClasses_AreFoundByName) {
  colour_label(format("ImageNetS919/validation-segmentation/{}.png", kFish), 919);
  photo("imagenet/val/n02000000/ILSVRC2012_val_00004677.JPEG");
  prepared("imagenets919");
  EXPECT_THAT(ids(format("ImageNetS/ImageNetS919/validation-segmentation/{}.png", kFish)),
              ::testing::Each(919));
}

TEST_F(PrepareImagenetsTest, Training_IsRefused) {
  colour_label(format("ImageNetS50/validation-segmentation/{}.png", kFish), 1);
  BenchmarkSource with = options("imagenets50");
  with.with_training = true;
  EXPECT_EQ(prepare_benchmark(posix_file_system(), clock_, with, {}).status().code(),
            ErrorCode::kUnsupported);
}

TEST_F(PrepareImagenetsTest, AbsentPhoto_IsNamed) {
  colour_label(format("ImageNetS300/validation-segmentation/{}.png", kFish), 1);
  const auto report = prepare("imagenets300");
  ASSERT_THAT(report->missing, SizeIs(1));
  EXPECT_EQ(report->missing[0].file, format("validation/{}.JPEG", kFish));
}

TEST_F(PrepareImagenetsTest, SubsetFromAll919_NeedsTheLists) {
  colour_label(format("ImageNetS919/validation-segmentation/{}.png", kFish), 1);
  photo("val/ILSVRC2012_val_00004677.JPEG");
  const Status status = prepare("imagenets50").status();
  EXPECT_EQ(status.code(), ErrorCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("ImageNetS_im50_validation.txt"));
}

TEST_F(PrepareImagenetsTest, SubsetFromAll919_RenumbersAndTakesTheListedPhotos) {
  colour_label(format("ImageNetS919/validation-segmentation/{}.png", kFish), 1);
  colour_label(format("ImageNetS919/validation-segmentation/{}.png", kShark), 2);
  colour_label("ImageNetS919/validation-segmentation/n20000000/ILSVRC2012_val_00000007.png", 1000);
  colour_label("ImageNetS919/validation-segmentation/n20000000/ILSVRC2012_val_00000008.png", 3);
  for (const char* number : {"00004677", "00000331", "00000007", "00000008"})
    photo(format("val/ILSVRC2012_val_{}.JPEG", number));
  text("data/categories/ImageNetS_categories_im919.txt", categories(919));
  std::string subset = "n01491361\n";  // the fish is not among them
  for (int i = 1; i < 50; ++i) subset += format("n2{:07}\n", i + 500);
  text("data/categories/ImageNetS_categories_im50.txt", subset);
  text("data/names/ImageNetS_im50_validation.txt",
       format("{0}.JPEG {0}.png\n{1}.JPEG {1}.png\nn20000000/ILSVRC2012_val_00000007.JPEG x\n"
              "n20000000/ILSVRC2012_val_00000008.JPEG x",
              kFish, kShark));
  const PrepareReport report = prepared("imagenets50");
  ASSERT_THAT(report.notes, SizeIs(1));
  const std::string root = "ImageNetS/ImageNetS50/validation-segmentation/";
  EXPECT_THAT(ids(root + kFish + ".png"), ::testing::Each(0));
  EXPECT_THAT(ids(root + kShark + ".png"), ::testing::Each(1));
  EXPECT_THAT(ids(root + "n20000000/ILSVRC2012_val_00000007.png"), ::testing::Each(1000));
  EXPECT_THAT(ids(root + "n20000000/ILSVRC2012_val_00000008.png"), ::testing::Each(0));
  EXPECT_EQ(bytes(root + kShark + ".png")[25], 2) << "stored as colours";
}

class PrepareFolderTest : public PrepareTest {};

TEST_F(PrepareFolderTest, ImagesMasksClasses_AreTidied) {
  photo("rooms/images/a.JPG");
  text("rooms/images/b.png", encode_png(sample_image(4, 3)));
  label("rooms/masks/a.png", {0, 1});
  label("rooms/masks/b.png", {1});
  text("rooms/classes.txt", "\xef\xbb\xbfwall\r\nfloor;ground \r\n\r\n");
  litter("rooms/images");
  const PrepareReport report = prepared("folder");
  EXPECT_EQ(report.root, output());
  const auto files = files_below(output());
  EXPECT_THAT(files, SizeIs(5));
  EXPECT_TRUE(files.contains("images/a.jpg"));
  EXPECT_TRUE(files.contains("labels/a.png"));
  EXPECT_EQ(files.at("classes.txt"), "wall\nfloor;ground\n");
}

TEST_F(PrepareFolderTest, TwoImagesOfOneName_AreNamed) {
  photo("images/a.jpg");
  text("images/a.png", encode_png(sample_image(4, 3)));
  label("labels/a.png", {0});
  text("classes.txt", "wall\n");
  const auto report = prepare("folder");
  ASSERT_THAT(report->missing, SizeIs(1));
  EXPECT_EQ(report->missing[0].file, "a.png");
  EXPECT_THAT(report->missing[0].detail, HasSubstr("has the name of a.jpg"));
}

/// Field case prepare-folder-mixed.
TEST_F(PrepareFolderTest, Subfolders_AreMadeLikeTheTop) {
  for (const char* name : {"t", "a/x", "b/z", "c/1/2/3/4/5/6/7/8/y"}) {
    photo(format("images/{}.jpg", name));
    label(format("labels/{}.png", name), {0});
  }
  text("classes.txt", "wall\n");
  EXPECT_EQ(prepared("folder").made, 8U);
  EXPECT_TRUE(has("images/a/x.jpg"));
  EXPECT_TRUE(has("labels/b/z.png"));
  EXPECT_TRUE(has("labels/c/1/2/3/4/5/6/7/8/y.png"));
}

TEST_F(PrepareFolderTest, LinkedFolderAndCapitals_AreMadeAsWell) {
  photo("elsewhere/x.JPEG");
  label("Masks/more/x.PNG", {0});
  text("Classes.TXT", "wall\n");
  std::filesystem::create_directories(source() / "Images");
  std::filesystem::create_directory_symlink(source() / "elsewhere", source() / "Images/more");
  EXPECT_EQ(prepared("folder").made, 2U);
  EXPECT_TRUE(has("images/more/x.jpeg"));
  EXPECT_TRUE(has("labels/more/x.png"));
  EXPECT_EQ(bytes("classes.txt"), "wall\n");
}

TEST_F(PrepareFolderTest, FileOfAnotherKind_IsNotLeftOutSilently) {
  photo("images/a.jpg");
  text("images/sub/b.bmp", "BM");
  label("labels/a.png", {0});
  text("classes.txt", "wall\n");
  const PrepareReport report = prepared("folder");
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr(": 1 file in ")));
  EXPECT_THAT(report.notes[0], HasSubstr("sub/b.bmp"));
}

TEST_F(PrepareFolderTest, ClassesThatNothingCanRead_AreRefusedBeforeACopy) {
  photo("images/a.jpg");
  label("labels/a.png", {0});
  for (const char* classes : {"wall\n\nfloor\n", ";\n", "caf\xe9\n"}) {
    text("classes.txt", classes);
    EXPECT_EQ(prepare("folder").status().code(), ErrorCode::kInvalidArgument) << classes;
  }
  EXPECT_FALSE(has("images/a.jpg"));
}

TEST_F(PrepareFolderTest, NoClasses_NamesThem) {
  photo("images/a.jpg");
  label("labels/a.png", {0});
  EXPECT_THAT(prepare("folder").status().message(), HasSubstr("classes.txt (one class a line)"));
}

}  // namespace
}  // namespace tagalign::data
