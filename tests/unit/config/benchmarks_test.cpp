// The files in configs/benchmarks, and the workflows and tables that name them.
#include <set>
#include <variant>

#include "configs/schema/jobs/evaluation_settings.h"
#include "configs/schema/jobs/published_scores.h"
#include "configs/schema/methods/template_sets.h"
#include "configs/schema/reading/workflow.h"
#include "tests/unit/config/evaluation_support.h"

namespace tagalign::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ProtocolDataConfig protocol_of(const SegmentationDataConfig& data, const std::string& name) {
  const auto found = data.protocols.find(name);
  return found == data.protocols.end() ? ProtocolDataConfig() : found->second;
}

Path shipped(const std::string& name) {
  return Path(std::getenv("TAGALIGN_SOURCE")) / "configs" / name;
}

struct Benchmark {
  std::string name;
  std::size_t classes;
  int images;
  bool background;
  bool reduce_zero_label;
  double v3_threshold;  ///< 0: no background
  int v3_stride;
  std::string first_prompt;
  std::string last_prompt;
};

const std::vector<Benchmark> kBenchmarks = {
    {"voc", 21, 1449, true, false, 0.45, 56, "aeroplane", "tvmonitor"},
    {"voc20", 20, 1449, false, true, 0, 56, "aeroplane", "tvmonitor"},
    {"context", 60, 5104, true, false, 0.1, 56, "aeroplane", "wood"},
    {"context59", 59, 5104, false, true, 0, 112, "aeroplane", "wood"},
    {"coco_object", 81, 5000, true, false, 0.3, 56, "person", "toothbrush"},
    {"coco_stuff", 171, 5000, false, false, 0, 56, "person", "wood"},
    {"cityscapes", 19, 500, false, false, 0, 56, "road", "bicycle"},
    {"ade20k", 150, 2000, false, true, 0, 56, "wall", "flag"},
    {"imagenets50", 51, 752, true, false, 0.3, 56, "goldfish", "agaric"},
    {"imagenets300", 301, 4097, true, false, 0.1, 56, "tench", "bolete"},
    {"imagenets919", 920, 12419, true, false, 0.1, 56, "house finch", "patas"},
};

SegmentationDataConfig benchmark(const std::string& name) {
  const auto config = load_job_config<SegmentationDataConfig>(
      posix_file_system(), shipped("benchmarks/" + name + ".yml"), {"root=/data"});
  EXPECT_TRUE(config.ok()) << config.status().message();
  return config.ok() ? *config : SegmentationDataConfig();
}

TEST(Benchmarks, EachFile_HoldsTheReferencesFacts) {
  for (const Benchmark& expected : kBenchmarks) {
    SCOPED_TRACE(expected.name);
    const SegmentationDataConfig data = benchmark(expected.name);
    EXPECT_EQ(data.name, expected.name);
    ASSERT_EQ(data.class_names.size(), expected.classes);
    EXPECT_EQ(data.expected_images, expected.images);
    EXPECT_EQ(data.background, expected.background);
    EXPECT_EQ(data.class_names.front() == "background", expected.background);
    EXPECT_EQ(data.reduce_zero_label, expected.reduce_zero_label);
    EXPECT_EQ(data.class_names[expected.background ? 1 : 0], expected.first_prompt);
    EXPECT_EQ(data.class_names.back(), expected.last_prompt);
    EXPECT_EQ(protocol_of(data, "v3").background_threshold.value_or(0), expected.v3_threshold);
    EvaluateConfig v1, v3;
    v3.method = TagAlignEvaluation{.scores = {.protocol = Protocol::kV3}};
    EXPECT_EQ(dataset_settings(v1, data).window, 448);
    EXPECT_EQ(dataset_settings(v3, data).stride, expected.v3_stride);
    EXPECT_EQ(dataset_settings(v1, data).stride, 224);
    EXPECT_EQ(dataset_settings(v1, data).background_threshold, 0.4);
  }
}

TEST(Benchmarks, Resize_IsTheSameButForImagenets919) {
  for (const Benchmark& each : kBenchmarks) {
    const SegmentationDataConfig data = benchmark(each.name);
    const bool small = each.name == "imagenets919";
    EXPECT_EQ(dataset_settings({}, data).short_side, small ? 256 : 448) << each.name;
    EXPECT_EQ(data.long_side_max, small ? 1024 : 2048) << each.name;
  }
}

TEST(Benchmarks, ImageNetS_HasItsLabelsSizesAndMissingReferences) {
  for (const Benchmark& each : kBenchmarks) {
    const SegmentationDataConfig data = benchmark(each.name);
    const bool imagenets = each.name.starts_with("imagenets");
    EXPECT_EQ(data.label_encoding, imagenets ? LabelEncoding::kRgb16 : LabelEncoding::kIndex);
    EXPECT_EQ(data.ignore_index, imagenets ? 1000 : 255);
    EXPECT_EQ(data.max_pixels, imagenets ? 1'000'000 : 0);
    EXPECT_EQ(data.max_pixels_side, 1000);
    EXPECT_EQ(protocol_of(data, "v1").in_reference, !imagenets) << "branch main cannot build it";
    EXPECT_EQ(protocol_of(data, "v3").in_reference, each.name != "imagenets919");
  }
}

TEST(Benchmarks, Layouts_AreThoseOfTheGuides) {
  const auto layout = [](const std::string& name) {
    const SegmentationDataConfig d = benchmark(name);
    return d.images + "/NAME" + d.image_suffix + " " + d.labels + "/NAME" + d.label_suffix + " " +
           d.split;
  };
  EXPECT_EQ(layout("voc"),
            "JPEGImages/NAME.jpg SegmentationClass/NAME.png ImageSets/Segmentation/val.txt");
  EXPECT_EQ(layout("voc20"), layout("voc"));
  EXPECT_EQ(layout("context"),
            "JPEGImages/NAME.jpg SegmentationClassContext/NAME.png "
            "ImageSets/SegmentationContext/val.txt");
  EXPECT_EQ(layout("context59"), layout("context"));
  EXPECT_EQ(layout("coco_object"),
            "images/val2017/NAME.jpg annotations/val2017/NAME_instanceTrainIds.png ");
  EXPECT_EQ(layout("coco_stuff"),
            "images/val2017/NAME.jpg annotations/val2017/NAME_labelTrainIds.png ");
  EXPECT_EQ(layout("cityscapes"),
            "leftImg8bit/val/NAME_leftImg8bit.png gtFine/val/NAME_gtFine_labelTrainIds.png ");
  EXPECT_EQ(layout("ade20k"), "images/validation/NAME.jpg annotations/validation/NAME.png ");
  EXPECT_EQ(layout("imagenets300"), "validation/NAME.JPEG validation-segmentation/NAME.png ");
}

TEST(Benchmarks, Folder_IsTheDefaultsWithAName) {
  SegmentationDataConfig expected;
  expected.name = "folder";
  expected.root = "/data";
  EXPECT_EQ(benchmark("folder"), expected);
}

TEST(Benchmarks, EveryFile_IsTested) {
  std::set<std::string> names = {"folder.yml"};
  for (const Benchmark& each : kBenchmarks) names.insert(each.name + ".yml");
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(shipped("benchmarks"))) {
    found.insert(entry.path().filename().string());
  }
  EXPECT_EQ(found, names);
}

TEST(Benchmarks, OneInAList_IsNamedByBase_AndOverridden) {
  const TemporaryFolder folder;
  folder.write("benchmarks/toy.yml", "name: toy\nroot: unset\nclass_names: [a, b]\n");
  const Path file = folder.write("e.yml",
                                 "clip: {weights: w}\n"
                                 "datasets:\n"
                                 "  - {_base_: benchmarks/toy.yml, root: /data/toy}\n"
                                 "  - {_base_: benchmarks/toy.yml, name: other, root: /o}\n");
  const auto config = load_job_config<EvaluateConfig>(posix_file_system(), file);
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->datasets[0].root, "/data/toy");
  EXPECT_EQ(config->datasets[1].name, "other");
  EXPECT_THAT(config->datasets[1].class_names, ElementsAre("a", "b"));
}

TEST(Benchmarks, RootLeftOut_IsAskedForWhereTheListStands) {
  const TemporaryFolder folder;
  folder.write("toy.yml", "name: toy\nclass_names: [a, b]\n");
  const Path file = folder.write("e.yml", "clip: {weights: w}\ndatasets: [{_base_: toy.yml}]\n");
  const auto config = load_job_config<EvaluateConfig>(posix_file_system(), file);
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.status().message(), HasSubstr("datasets.0.root: this key is required"));
}

TEST(Methods, CompareWorkflow_EvaluatesEachOnTheSameEightDataSets) {
  const Overrides vars = {"vars.data=/data",        "vars.clip=/c.safetensors",
                          "vars.tagalign=/t",       "vars.tcl=/tcl.pth",
                          "vars.groupvit=/g.pth",   "vars.ovsegmentor=/o.pth",
                          "vars.vocabulary=/v.txt", "vars.dino=/d.pth"};
  const auto workflow = load_workflow(posix_file_system(), shipped("methods/compare.yml"), vars);
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  std::set<std::string> rows;
  for (const WorkflowJob& job : workflow->jobs) {
    const EvaluateConfig config = load(job.config);
    EXPECT_EQ(config.datasets.size(), job.name == "clip-surgery" ? 5u : 8u) << job.name;
    rows.insert(row_label(config));
  }
  EXPECT_THAT(
      rows, testing::ElementsAre("clearclip", "clip", "clip-head", "clip-surgery", "groupvit",
                                 "maskclip", "naclip", "ovsegmentor", "proxyclip", "resclip",
                                 "sclip", "surgery-attention", "tagalign", "tagalign-post", "tcl"));
}

TEST(Published, ShippedFile_NamesShippedDataSets) {
  const auto published =
      load_job_config<PublishedScores>(posix_file_system(), shipped("published.yml"));
  ASSERT_TRUE(published.ok()) << published.status().message();
  for (const PublishedScore& score : published->scores)
    EXPECT_TRUE(std::filesystem::exists(shipped("benchmarks/" + score.dataset + ".yml")));
}

TEST(Benchmarks, Workflow_EvaluatesAllOfThemUnderOneProtocol) {
  const Overrides vars = {"vars.data=/data", "vars.imagenets=/in", "vars.clip=/clip.safetensors",
                          "vars.protocol=v3", "vars.checkpoint=/c/step-00000007"};
  const auto workflow = load_workflow(posix_file_system(), shipped("benchmarks.yml"), vars);
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  ASSERT_EQ(workflow->jobs.size(), kBenchmarks.size());
  for (std::size_t i = 0; i < kBenchmarks.size(); ++i) {
    EXPECT_EQ(workflow->jobs[i].name, kBenchmarks[i].name);
    const EvaluateConfig config = load(workflow->jobs[i].config);
    ASSERT_EQ(config.datasets.size(), 1u);
    EXPECT_EQ(config.datasets[0].name, kBenchmarks[i].name);
    EXPECT_EQ(config.datasets[0].class_names.size(), kBenchmarks[i].classes);
    EXPECT_TRUE(Path(config.datasets[0].root).is_absolute());
    EXPECT_EQ(config.datasets[0].stride, kBenchmarks[i].v3_stride);
    EXPECT_EQ(config.checkpoint, "/c/step-00000007");
    EXPECT_EQ(std::get<TagAlignEvaluation>(config.method).scores.scale, 30);
  }
}

}  // namespace
}  // namespace tagalign::config
