// Preparing while disks fill and machines die.
#include <chrono>

#include "base/format.h"
#include "tests/support/fault_file_system.h"
#include "tests/unit/data/prepare_fixture.h"

namespace tagalign::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using testing_support::FaultFileSystem;
using namespace std::chrono_literals;

class PrepareResumeTest : public PrepareTest {
 protected:
  PrepareResumeTest() {
    std::string list;
    for (int i = 0; i < 3; ++i) {
      const std::string name = format("2007_00003{}", i);
      photo("VOC2012/JPEGImages/" + name + ".jpg");
      label("VOC2012/SegmentationClass/" + name + ".png", {static_cast<std::uint16_t>(i)});
      list += name + "\n";
    }
    text("VOC2012/ImageSets/Segmentation/val.txt", list);
  }

  Result<PrepareReport> prepare_on(FileSystem& files) {
    BenchmarkSource one_thread = options("voc");
    one_thread.threads = 1;
    return prepare_benchmark(files, clock_, one_thread, {});
  }
  std::map<std::string, std::string> whole() {
    prepared("voc");
    auto files = files_below(output());
    std::filesystem::remove_all(output());
    return files;
  }
};

TEST_F(PrepareResumeTest, PowerCutAtAnyMoment_SecondRunCompletesTheSameFiles) {
  const auto expected = whole();
  ASSERT_THAT(expected, SizeIs(7));
  FaultFileSystem counting(posix_file_system());
  ASSERT_TRUE(prepare_on(counting).ok());
  const std::uint64_t operations = counting.operations();
  ASSERT_GT(operations, 7U);
  for (std::uint64_t after = 0; after < operations; ++after) {
    std::filesystem::remove_all(output());
    FaultFileSystem dying(posix_file_system());
    dying.crash_after(after);
    EXPECT_FALSE(prepare_on(dying).ok()) << after;
    ASSERT_TRUE(prepare("voc").ok()) << after;
    EXPECT_EQ(files_below(output()), expected) << after;
  }
}

TEST_F(PrepareResumeTest, OutputAboveOrInsideTheSource_IsNotTakenForIt) {
  const auto expected = whole();
  std::filesystem::create_directories(source() / "x/y/z");
  std::filesystem::rename(source() / "VOC2012", source() / "x/y/z/VOC2012");
  for (const Path& target : {source(), source() / "benchmarks"}) {
    BenchmarkSource nested = options("voc");
    nested.output = target;
    FaultFileSystem dying(posix_file_system());
    dying.crash_after(8);
    EXPECT_FALSE(prepare_benchmark(dying, clock_, nested, {}).ok());
    const auto report = prepare_benchmark(posix_file_system(), clock_, nested, {});
    ASSERT_TRUE(report.ok()) << report.status().to_string();
    EXPECT_EQ(files_below(report->root).size(), expected.size());
    EXPECT_GT(report->made, 0U);
  }
}

TEST_F(PrepareResumeTest, FullDisk_SaysHowFarItCame_AndGoesOnLater) {
  const auto expected = whole();
  FaultFileSystem small(posix_file_system());
  small.set_space(expected.at("VOCdevkit/VOC2012/JPEGImages/2007_000030.jpg").size() + 40);
  const Status status = prepare_on(small).status();
  EXPECT_EQ(status.code(), ErrorCode::kNoSpace);
  EXPECT_THAT(status.message(), HasSubstr("prepare voc: 1 file is complete; start it again"));
  small.set_space(1 << 20);
  const auto report = prepare_on(small);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->kept, 1U);
  EXPECT_EQ(report->made, 5U);
  EXPECT_EQ(files_below(output()), expected);
}

TEST_F(PrepareResumeTest, CompleteFolder_IsLeftAlone) {
  prepared("voc");
  FaultFileSystem watched(posix_file_system());
  const auto report = prepare_on(watched);
  EXPECT_EQ(report->made, 0U);
  EXPECT_EQ(report->kept, 6U);
  EXPECT_EQ(watched.operations(), 0U);
}

TEST_F(PrepareResumeTest, CutCopyAndLeftoverOfAKilledRun_AreReplaced) {
  const auto expected = whole();
  folder_.write("output/VOCdevkit/VOC2012/JPEGImages/2007_000030.jpg", "cut");
  folder_.write("output/VOCdevkit/VOC2012/JPEGImages/.2007_000031.jpg.tmp-77-0", "cut");
  prepared("voc");
  EXPECT_EQ(files_below(output()), expected);
}

TEST_F(PrepareResumeTest, SourceOfTheSameLength_IsCopiedAgain) {
  prepared("voc");
  const std::string name = "VOC2012/SegmentationClass/2007_000031.png";
  label(name, {2});  // of as many bytes as what was there
  const PrepareReport report = prepared("voc");
  EXPECT_EQ(report.made, 1U);
  EXPECT_EQ(report.kept, 5U);
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("1 of the files made replaces another")));
  EXPECT_THAT(ids("VOCdevkit/" + name), ::testing::Each(2));
  EXPECT_EQ(prepared("voc").made, 0U);
}

TEST_F(PrepareResumeTest, SourceThatWasOnlyTouched_LeavesWhatWasMade) {
  prepared("voc");
  const Path photo = source() / "VOC2012/JPEGImages/2007_000030.jpg";
  const auto later = std::filesystem::last_write_time(photo) + std::chrono::hours(1);
  std::filesystem::last_write_time(photo, later);
  const PrepareReport report = prepared("voc");
  EXPECT_EQ(report.made, 0U);
  EXPECT_EQ(report.kept, 6U);
}

TEST_F(PrepareResumeTest, NoRecordOrADamagedOne_TheTimesTell) {
  for (const char* record : {"", "TagAlign sources 1\n1 x VOC", "TagAlign sources 2\n"}) {
    std::filesystem::remove_all(output());
    prepared("voc");
    folder_.write("output/VOCdevkit/VOC2012/.tagalign-sources", record);
    const std::string name = "VOC2012/SegmentationClass/2007_000031.png";
    label(name, {2});
    const auto later = std::filesystem::last_write_time(source() / name) + std::chrono::hours(1);
    std::filesystem::last_write_time(source() / name, later);
    EXPECT_EQ(prepared("voc").made, 1U) << record;
    label(name, {1});
  }
}

/// Field case prepare-stale-map-coco.
TEST_F(PrepareResumeTest, MadeMapWhoseSourceWasMended_IsMadeAgain) {
  photo("val2017/000000000139.jpg");
  const std::string map = "stuffthingmaps/val2017/000000000139.png";
  const std::string made = "coco_stuff164k/annotations/val2017/000000000139_labelTrainIds.png";
  label(map, {0});
  prepared("coco_stuff");
  EXPECT_THAT(ids(made), ::testing::Each(0));
  label(map, {2});
  prepared("coco_stuff");
  EXPECT_THAT(ids(made), ::testing::Each(2));
  text(map, "no PNG");
  for (int run = 0; run < 2; ++run) {
    const auto report = prepare("coco_stuff");
    ASSERT_TRUE(report.ok());
    EXPECT_THAT(report->failures, SizeIs(1)) << "named until it is mended";
  }
}

TEST_F(PrepareResumeTest, Record_IsWrittenAsItsPageSays) {
  text("VOC2012/ImageSets/Segmentation/val.txt", "2007_000030\n");
  std::string expected = "TagAlign sources 1\n";
  for (const char* name : {"JPEGImages/2007_000030.jpg", "SegmentationClass/2007_000030.png"}) {
    const Path path = source() / "VOC2012" / name;
    std::filesystem::last_write_time(
        path, std::chrono::file_clock::from_sys(
                  std::chrono::sys_time<std::chrono::nanoseconds>(1'700'000'000'123'456'789ns)));
    expected += format("{} 1700000000123456789 {}\n", std::filesystem::file_size(path), name);
  }
  prepared("voc");
  EXPECT_EQ(bytes("VOCdevkit/VOC2012/.tagalign-sources"), expected);
}

TEST_F(PrepareResumeTest, TwoBenchmarksInOneFolder_KeepEachOthersRecord) {
  photo("val2017/000000000139.jpg");
  label("stuffthingmaps/val2017/000000000139.png", {0});
  prepared("coco_stuff");
  prepared("coco_object");
  label("stuffthingmaps/val2017/000000000139.png", {2});
  EXPECT_EQ(prepared("coco_stuff").made, 1U);
  EXPECT_EQ(prepared("coco_object").made, 1U);
}

TEST_F(PrepareResumeTest, OwnFolder_NamesWhatWasMadeFromASourceThatIsGone) {
  for (const char* name : {"a", "b"}) {
    photo(format("images/{}.jpg", name));
    label(format("labels/{}.png", name), {0});
  }
  text("classes.txt", "wall\n");
  EXPECT_THAT(prepared("folder").notes, ::testing::IsEmpty());
  std::filesystem::remove(source() / "images/b.jpg");
  std::filesystem::remove(source() / "labels/b.png");
  EXPECT_THAT(prepared("folder").notes, ElementsAre(HasSubstr("2 files were made earlier")));
}

TEST_F(PrepareResumeTest, Progress_CountsEveryFileOnce_WithItsRate) {
  std::vector<Progress> seen;
  const auto slow = [&](const Progress& progress) {
    seen.push_back(progress);
    clock_.advance_ms(500);
  };
  ASSERT_TRUE(prepare_benchmark(posix_file_system(), clock_, options("voc"), slow).ok());
  ASSERT_THAT(seen, SizeIs(6));
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i].done, i + 1);
  EXPECT_EQ(seen[0].remaining_ms, std::nullopt);
  EXPECT_DOUBLE_EQ(seen[4].per_second, 2.5);  // five in two seconds
  EXPECT_EQ(seen[4].remaining_ms, 400);
}

}  // namespace
}  // namespace tagalign::data
