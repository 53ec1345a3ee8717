// data prepare and data check as a rank's program runs them, with the descriptions of the project.
#include "worker/benchmarks/data_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/format.h"
#include "configs/schema/jobs/job_configs.h"
#include "configs/schema/reading/load.h"
#include "configs/schema/reading/workflow.h"
#include "data/benchmarks/prepare.h"
#include "data/image/image.h"
#include "tests/unit/data/temporary_folder.h"
#include "worker/benchmarks/progress_line.h"
#include "worker/datasets/dataset_options.h"

namespace tagalign::jobs {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Path configs() {
  const char* source = std::getenv("TAGALIGN_SOURCE");
  return Path(source == nullptr ? "." : source) / "configs";
}

class DataJobTest : public ::testing::Test {
 protected:
  /// VOC2012 with one image and the project's description, but for the count.
  DataJobTest() {
    const std::string root = "source/VOCdevkit/VOC2012/";
    const data::Image image{2, 1, 3, {9, 9, 9, 7, 7, 7}};
    folder_.write(root + "JPEGImages/a.jpg", data::encode_jpeg(image, 90));
    folder_.write(root + "SegmentationClass/a.png", data::encode_label_png({2, 1, {20, 255}}));
    folder_.write(root + "ImageSets/Segmentation/val.txt", "a\n");
    const Path base = std::filesystem::absolute(configs() / "benchmarks/voc.yml");
    folder_.write("configs/benchmarks/voc.yml",
                  format("_base_: {}\nexpected_images: 1\n", base.string()));
    arguments_ = {.benchmark = "voc",
                  .source = folder_.path() / "source",
                  .output = folder_.path() / "output",
                  .root = folder_.path() / "output",
                  .config_folders = {folder_.path() / "nowhere", folder_.path() / "configs"}};
  }

  Result<bool> run(Result<bool> (*job)(DataWorld&, const DataArguments&)) {
    out_.str("");
    err_.str("");
    DataWorld world{posix_file_system(), clock_, out_, err_, false};
    return job(world, arguments_);
  }

  data::TemporaryFolder folder_;
  ManualClock clock_;
  std::ostringstream out_;
  std::ostringstream err_;
  DataArguments arguments_;
};

TEST(PreparedFolders, EachBenchmark_IsWhereTheShippedWorkflowLooks) {
  const auto workflow = config::load_workflow(
      posix_file_system(), configs() / "benchmarks.yml",
      {"vars.data=/data", "vars.imagenets=/data/ImageNetS", "vars.clip=/clip.pt"});
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  for (const auto& job : workflow->jobs) {
    const auto evaluation = config::parse_job_config<config::EvaluateConfig>(job.config, "job", {});
    ASSERT_TRUE(evaluation.ok()) << evaluation.status().message();
    EXPECT_EQ(evaluation->datasets.at(0).root,
              data::benchmark_folder(job.name, "/data").value().string());
  }
}

TEST_F(DataJobTest, PrepareThenCheck_BothAreContent) {
  const auto prepared = run(run_data_prepare);
  ASSERT_TRUE(prepared.ok()) << prepared.status().to_string();
  EXPECT_TRUE(*prepared);
  EXPECT_THAT(out_.str(), StartsWith("voc: 2 files made, 0 were there already\nvoc: 1 image in "));
  EXPECT_THAT(out_.str(), HasSubstr("complete"));
  EXPECT_THAT(err_.str(), HasSubstr("prepare voc 100 % [####################] 2/2"));
  const auto checked = run(run_data_check);
  ASSERT_TRUE(checked.ok()) << checked.status().to_string();
  EXPECT_TRUE(*checked);
  arguments_.root = arguments_.output / "VOCdevkit/VOC2012";
  EXPECT_TRUE(run(run_data_check).value());
}

TEST_F(DataJobTest, Findings_AreFalse_InWordsAndAsJson) {
  ASSERT_TRUE(run(run_data_prepare).value());
  std::filesystem::remove(arguments_.output / "VOCdevkit/VOC2012/SegmentationClass/a.png");
  EXPECT_FALSE(run(run_data_check).value());
  EXPECT_THAT(out_.str(),
              HasSubstr("images without a label (1):\n    a.png: its image is there\n"));
  arguments_.json = true;
  EXPECT_FALSE(run(run_data_check).value());
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json["findings"][0]["kind"], "missing-label");
}

TEST_F(DataJobTest, PrepareAsJson_HoldsWhatWasMadeAndTheCheck) {
  folder_.write("source/VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt", "a\nb\n");
  arguments_.json = true;
  EXPECT_FALSE(run(run_data_prepare).value());
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json["made"], 2);
  EXPECT_EQ(json["missing"]["count"], 2);
  EXPECT_EQ(json["missing"]["first"][0]["file"], "b.jpg");
  EXPECT_EQ(json["check"]["images_expected"], 1);
  EXPECT_EQ(json["check"]["ok"], false);
}

TEST_F(DataJobTest, NoDescription_SaysWhereItLooked) {
  arguments_.benchmark = "voc20";
  const Status status = run(run_data_check).status();
  EXPECT_EQ(status.code(), ErrorCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("nowhere/benchmarks/voc20.yml"));
  EXPECT_THAT(status.message(), HasSubstr("--config FILE"));
}

TEST_F(DataJobTest, ForeignDescription_IsReadWithConfig) {
  arguments_.config =
      folder_.write("mine.yml", "name: mine\nclass_names: [a, b]\nexpected_images: 0\n");
  arguments_.benchmark = "mine";
  arguments_.root = folder_.path() / "mine";
  folder_.write("mine/images/x.jpg", data::encode_jpeg({1, 1, 3, {1, 2, 3}}, 90));
  folder_.write("mine/labels/x.png", data::encode_label_png({1, 1, {2}}));
  EXPECT_FALSE(run(run_data_check).value());
  EXPECT_THAT(out_.str(), HasSubstr("expected 0 … 1 or 255, found 2 at x 0, y 0"));
}

TEST(BenchmarkDescriptions, EachThatCanBePrepared_TellsTheCheckWhatToExpect) {
  const std::map<std::string, std::pair<int, int>> expected{
      {"voc", {21, 1449}},           {"voc20", {20, 1449}},         {"context", {60, 5104}},
      {"context59", {59, 5104}},     {"coco_object", {81, 5000}},   {"coco_stuff", {171, 5000}},
      {"cityscapes", {19, 500}},     {"ade20k", {150, 2000}},       {"imagenets50", {51, 752}},
      {"imagenets300", {301, 4097}}, {"imagenets919", {920, 12419}}};
  for (const std::string& name : data::prepare_names()) {
    if (name == "folder") continue;
    const auto config = config::load_job_config<config::SegmentationDataConfig>(
        posix_file_system(), configs() / "benchmarks" / (name + ".yml"), {"root=."});
    ASSERT_TRUE(config.ok()) << config.status().to_string();
    const auto options = dataset_options(*config, "/data");
    EXPECT_EQ(std::ssize(options.class_names), expected.at(name).first) << name;
    EXPECT_EQ(options.expected_images, expected.at(name).second) << name;
    EXPECT_EQ(options.label_encoding == data::LabelEncoding::kRgb16, name.starts_with("imagenets"))
        << name;
    EXPECT_TRUE(data::classes_of(posix_file_system(), options).ok()) << name;
  }
}

/// Field case check-class-without-name, and every list beside it that an evaluation refuses.
TEST_F(DataJobTest, ClassesThatCannotBeRead_AreAFinding) {
  arguments_.config = configs() / "benchmarks/folder.yml";
  arguments_.root = folder_.path() / "mine";
  folder_.write("mine/images/x.jpg", data::encode_jpeg({1, 1, 3, {1, 2, 3}}, 90));
  folder_.write("mine/labels/x.png", data::encode_label_png({1, 1, {0}}));
  for (const char* classes : {";\n", "caf\xe9\n", "\nwall\n", "wall\n\nfloor\n"}) {
    folder_.write("mine/classes.txt", classes);
    const auto checked = run(run_data_check);
    ASSERT_TRUE(checked.ok()) << classes << checked.status().to_string();
    EXPECT_FALSE(*checked);
    EXPECT_THAT(out_.str(), HasSubstr("folder: 1 image in "));
    EXPECT_THAT(out_.str(), HasSubstr("class lists that are refused (1):\n    classes.txt: "));
    EXPECT_THAT(out_.str(), HasSubstr("mine/classes.txt:"));
  }
  folder_.write("mine/classes.txt", "wall\r\n\n");
  EXPECT_TRUE(run(run_data_check).value());
}

TEST_F(DataJobTest, BackgroundAsTheOnlyClass_IsAFinding) {
  arguments_.config =
      folder_.write("mine.yml", "name: mine\nclasses: classes.txt\nbackground: true\n");
  arguments_.root = folder_.path() / "mine";
  arguments_.json = true;
  folder_.write("mine/images/x.jpg", data::encode_jpeg({1, 1, 3, {1, 2, 3}}, 90));
  folder_.write("mine/labels/x.png", data::encode_label_png({1, 1, {0}}));
  folder_.write("mine/classes.txt", "background\n");
  EXPECT_FALSE(run(run_data_check).value());
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json["images"], 1);
  EXPECT_EQ(json["findings"][0]["kind"], "class-list");
}

TEST_F(DataJobTest, NamesThatATerminalWouldObey_AreEscaped) {
  arguments_.config = configs() / "benchmarks/folder.yml";
  arguments_.root = folder_.path() / "mine";
  folder_.write("mine/images/\x1b[2Jcaf\xe9.jpg", data::encode_jpeg({1, 1, 3, {1, 2, 3}}, 90));
  folder_.write("mine/labels/x.png", data::encode_label_png({1, 1, {0}}));
  folder_.write("mine/classes.txt", "wall\n");
  EXPECT_FALSE(run(run_data_check).value());
  EXPECT_THAT(out_.str(), HasSubstr("\\x1b[2Jcaf\\xe9.png: its image is there"));
  arguments_.json = true;
  EXPECT_FALSE(run(run_data_check).value());
  EXPECT_TRUE(nlohmann::json::accept(out_.str()));
}

TEST(ProgressText, ShareBarRateAndRest_AreShown) {
  EXPECT_EQ(progress_text({.done = 50, .total = 200, .per_second = 9.7, .remaining_ms = 15'464}),
            " 25 % [#####...............] 50/200  10/s  15.5 s left");
  EXPECT_EQ(progress_text({.done = 0, .total = 0}), "  0 % [....................] 0/0");
}

TEST(ProgressLine, Terminal_IsRedrawnTenTimesASecond) {
  ManualClock clock;
  std::ostringstream err;
  ProgressLine line("check voc", err, true, clock);
  line.show({.done = 1, .total = 3});
  EXPECT_EQ(err.str(), "");
  clock.advance_ms(100);
  line.show({.done = 2, .total = 3});
  EXPECT_EQ(err.str(), "\r\033[Kcheck voc  66 % [#############.......] 2/3");
  line.show({.done = 3, .total = 3});
  EXPECT_THAT(err.str(), ::testing::EndsWith("] 3/3\n"));
}

TEST(ProgressLine, NoTerminal_SaysALineEveryTenSeconds) {
  ManualClock clock;
  std::ostringstream err;
  ProgressLine line("check voc", err, false, clock);
  clock.advance_ms(9'999);
  line.show({.done = 1, .total = 3});
  EXPECT_EQ(err.str(), "");
  clock.advance_ms(1);
  line.show({.done = 2, .total = 3});
  EXPECT_EQ(err.str(), "check voc  66 % [#############.......] 2/3\n");
}

}  // namespace
}  // namespace tagalign::jobs
