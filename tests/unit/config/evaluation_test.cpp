// What an evaluation leaves to its protocol, and the files in configs/benchmarks.
#include <set>
#include <variant>

#include "configs/schema/jobs/evaluation_settings.h"
#include "configs/schema/jobs/published_scores.h"
#include "configs/schema/methods/template_sets.h"
#include "configs/schema/reading/load.h"
#include "configs/schema/reading/workflow.h"
#include "tests/unit/config/config_test_support.h"

namespace tagalign::config {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kVoc =
    "clip: {weights: w}\n"
    "datasets:\n"
    "  - {name: voc, root: r, background: true, protocols: {v3: {background_threshold: 0.45}}}\n";
const std::string kPlain = "clip: {weights: w}\ndatasets: [{name: a, root: r}]\n";

EvaluateConfig load(const std::string& text, const Overrides& overrides = {}) {
  const auto config = parse_job_config<EvaluateConfig>(text, "e.yml", overrides);
  EXPECT_TRUE(config.ok()) << config.status().message();
  return config.ok() ? *config : EvaluateConfig();
}

std::string message(const std::string& text, const Overrides& overrides = {}) {
  const auto config = parse_job_config<EvaluateConfig>(text, "e.yml", overrides);
  return config.ok() ? "accepted" : config.status().message();
}

const TagAlignEvaluation& section(const EvaluateConfig& config) {
  return std::get<TagAlignEvaluation>(config.method);
}

ScoreSettings scores_of(const EvaluateConfig& config) {
  return section(config).scores.settings();
}

ProtocolDataConfig protocol_of(const SegmentationDataConfig& data, const std::string& name) {
  const auto found = data.protocols.find(name);
  return found == data.protocols.end() ? ProtocolDataConfig() : found->second;
}

// ---------------------------------------------------------------- methods

TEST(Methods, Tcl_BringsItsRefinementAndAThresholdForEachWay) {
  const auto refined = load(kVoc, {"method=tcl"});
  const DatasetSettings with = dataset_settings(refined, refined.datasets[0]);
  EXPECT_EQ(describe(with.refine), describe(RefineChoice(RefinePamr{})));
  EXPECT_EQ(with.background_threshold, 0.4);
  EXPECT_THAT(with.templates, ElementsAre("custom"));
  const auto plain = load(kVoc, {"method=tcl", "refine=none"});
  EXPECT_EQ(dataset_settings(plain, plain.datasets[0]).background_threshold, 0.5);
  EXPECT_EQ(effective(plain).datasets[0].background_threshold, 0.5);
}

TEST(Methods, NameChoosesTheKeys_AndStandsForTheWholeSection) {
  EXPECT_EQ(method_name(load(kPlain).method), "tagalign");
  const auto clip = load(kPlain, {"method=clip"});
  EXPECT_EQ(method_name(clip.method), "clip");
  EXPECT_EQ(clip, load(kPlain, {"method.name=clip"}));
  EXPECT_EQ(load(*dump(clip)), clip);
  EXPECT_EQ(row_label(clip), "clip");
  EXPECT_EQ(row_label(load(kPlain, {"method=clip", "label=clip-surgery"})), "clip-surgery");
}

TEST(Methods, UnknownNameOrAnotherMethodsKey_IsNamedWithTheNearest) {
  const std::string misspelt = message(kPlain, {"method=tagaling"});
  EXPECT_THAT(misspelt, HasSubstr("method: expected one of tagalign, clip"));
  EXPECT_THAT(misspelt, HasSubstr("found 'tagaling'; did you mean 'tagalign'?"));
  EXPECT_THAT(message(kPlain, {"method.name=clop"}), HasSubstr("did you mean 'clip'?"));
  EXPECT_THAT(message(kPlain, {"method.name=clip", "method.clip_weight=0.2"}),
              HasSubstr("unknown key in method: 'clip_weight'"));
  EXPECT_THAT(message(kPlain, {"method=clip", "checkpoint=step-00000001"}),
              HasSubstr("checkpoint: method clip trains nothing; expected none, found "
                        "'step-00000001'"));
}

// ---------------------------------------------------------------- protocols

TEST(Protocols, V1_IsTheFirstPapersScore) {
  const auto config = load(kVoc);
  EXPECT_EQ(scores_of(config), (ScoreSettings{.softmax = false, .scale = 10, .bias = -2.5}));
  EXPECT_EQ(mix_of(config.method), 0.3);
  EXPECT_EQ(dataset_settings(config, config.datasets[0]).background_threshold, 0.4);
  EXPECT_EQ(dataset_settings(config, config.datasets[0]).stride, 224);
}

TEST(Protocols, V3_IsTheThirdPapersScoreWithTheDataSetsThreshold) {
  const auto config = load(kVoc, {"method.protocol=v3"});
  EXPECT_EQ(scores_of(config), (ScoreSettings{.softmax = true, .scale = 30, .bias = 0}));
  EXPECT_EQ(mix_of(config.method), 0.5);
  EXPECT_EQ(dataset_settings(config, config.datasets[0]).background_threshold, 0.45);
  EXPECT_EQ(dataset_settings(config, config.datasets[0]).stride, 56);
}

TEST(Protocols, WrittenValues_WinOverDataSetAndProtocol) {
  const Overrides overrides = {"method.protocol=v3",
                               "method.scale=7",
                               "method.clip_weight=0",
                               "datasets.0.background_threshold=0.2",
                               "datasets.0.protocols.v3.stride=112",
                               "datasets.0.protocols.v1.stride=8"};
  const auto config = load(kVoc, overrides);
  EXPECT_EQ(scores_of(config).scale, 7);
  EXPECT_EQ(mix_of(config.method), 0);
  EXPECT_EQ(dataset_settings(config, config.datasets[0]).background_threshold, 0.2);
  EXPECT_EQ(dataset_settings(config, config.datasets[0]).stride, 112);
  const auto own = load(kVoc, {"datasets.0.protocols.v1.stride=8", "datasets.0.stride=16"});
  EXPECT_EQ(dataset_settings(own, own.datasets[0]).stride, 16);
}

TEST(Protocols, Effective_FillsWhatIsUnset_AndNothingThatMeansNothing) {
  const auto v1 = effective(load(kPlain));
  EXPECT_EQ(section(v1).scores.scale, 10);
  EXPECT_EQ(section(v1).scores.bias, -2.5);
  EXPECT_EQ(section(v1).clip_weight, 0.3);
  EXPECT_EQ(v1.datasets[0].window, 448);
  EXPECT_THAT(v1.datasets[0].templates, ElementsAre("simple"));
  EXPECT_EQ(v1.datasets[0].stride, 224);
  EXPECT_FALSE(v1.datasets[0].background_threshold.has_value());
  const auto v3 = effective(load(kVoc, {"method.protocol=v3"}));
  EXPECT_FALSE(section(v3).scores.bias.has_value());
  EXPECT_EQ(v3.datasets[0].background_threshold, 0.45);
  EXPECT_EQ(effective(v3), v3);
}

TEST(Protocols, UnsetAndSet_AreToldApart_AndNullUnsets) {
  EXPECT_FALSE(section(load(kPlain)).scores.scale.has_value());
  EXPECT_EQ(section(load(kPlain, {"method.scale=10"})).scores.scale, 10);
  const auto unset = load(kPlain, {"method.scale=10", "method.scale=null"});
  EXPECT_FALSE(section(unset).scores.scale.has_value());
  EXPECT_THAT(*dump(load(kPlain)), Not(HasSubstr("scale")));
  EXPECT_THAT(message(kPlain, {"method.scale=many"}),
              HasSubstr("method.scale: expected a number above 0, found 'many'"));
}

TEST(Protocols, DryRunOfAWorkflow_ShowsTheEffectiveValues) {
  const TemporaryFolder folder;
  const Path file = folder.write("w.yml",
                                 "name: w\njobs:\n  scores:\n    kind: evaluate\n    config:\n"
                                 "      method: {protocol: v3}\n      clip: {weights: w}\n"
                                 "      datasets: [{name: a, root: r}]\n");
  const auto workflow = load_workflow(posix_file_system(), file);
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  const std::string& text = workflow->jobs[0].config;
  for (const char* line : {"\n  scale: 30\n", "\n  clip_weight: 0.5\n", "    stride: 56\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("bias:")));
  EXPECT_TRUE(parse_job_config<EvaluateConfig>(text, "again").ok());
}

TEST(Protocols, WhatAProtocolCannotDecide_IsAskedFor) {
  EXPECT_THAT(message("clip: {weights: w}\ndatasets: [{name: a, root: r, background: true}]\n",
                      {"method.protocol=v3"}),
              HasSubstr("e.yml:2: datasets.0.background_threshold: protocol v3 has no threshold"));
  EXPECT_THAT(message(kPlain, {"method.protocol=v3", "method.bias=1"}),
              HasSubstr("method.bias: protocol v3 has none; expected null, found 1"));
  EXPECT_THAT(message(kPlain, {"datasets.0.window=100"}),
              HasSubstr("datasets.0.stride: expected at most window (100), or pixels stay without "
                        "a score; found 224"));
}

// ---------------------------------------------------------------- data sets

TEST(SegmentationData, RulesBetweenItsFields_AreChecked) {
  EXPECT_THAT(message(kPlain, {"datasets.0.label_suffix=_seg.tif"}),
              HasSubstr("datasets.0.label_suffix: expected an ending in .png, found '_seg.tif'"));
  EXPECT_THAT(message(kPlain, {"datasets.0.image_suffix=.png", "datasets.0.images=all",
                               "datasets.0.labels=all"}),
              HasSubstr("datasets.0.label_suffix: images and labels have one folder and one suff"));
  EXPECT_THAT(message(kPlain, {"datasets.0.background=true", "datasets.0.class_names=[sky]"}),
              HasSubstr("datasets.0.class_names: expected a class beside the background"));
  EXPECT_THAT(message(kPlain, {"datasets.0.long_side_max=300"}),
              HasSubstr("datasets.0.short_side: expected at most long_side_max (300), found 448"));
  EXPECT_THAT(message(kPlain, {"datasets.0.label_encoding=rgb"}),
              HasSubstr("datasets.0.label_encoding: expected one of index, rgb16, found 'rgb'"));
  EXPECT_THAT(message(kPlain, {"datasets.0.expected_images=-1"}),
              HasSubstr("datasets.0.expected_images: expected an integer from 0"));
  EXPECT_THAT(message(kPlain, {"method.protocol=v2"}),
              HasSubstr("method.protocol: expected one of v1, v3, found 'v2'"));
  EXPECT_THAT(message(kPlain, {"datasets.0.protocols.v3.strid=1"}),
              HasSubstr("unknown key in datasets.0.protocols.v3: 'strid'; did you mean 'stride'?"));
}

TEST(SegmentationData, FileOfItsOwn_IsCheckedAsInAList) {
  const TemporaryFolder folder;
  const Path file = folder.write("toy.yml", "name: toy\nlabel_suffix: .jpg\n");
  const auto bad = load_job_config<SegmentationDataConfig>(posix_file_system(), file, {"root=r"});
  ASSERT_FALSE(bad.ok());
  EXPECT_THAT(bad.status().message(), HasSubstr("toy.yml:2: label_suffix: expected an ending"));
}

// ---------------------------------------------------------------- sweeps and templates

TEST(Sweep, Lists_AreRead_AndMeaninglessOnesRefused) {
  const auto config =
      load(kVoc, {"sweep.thresholds=[0.1, 0.25]", "sweep.clip_weights=[0, 0.5, 1]"});
  EXPECT_THAT(config.sweep.thresholds, ElementsAre(0.1, 0.25));
  EXPECT_THAT(config.sweep.clip_weights, ElementsAre(0, 0.5, 1));
  EXPECT_EQ(load(*dump(config)), config);
  EXPECT_THAT(message(kVoc, {"sweep.thresholds=[0.1, 0.2, 0.1]"}),
              HasSubstr("sweep.thresholds.2: the value 0.1 stands here twice"));
  EXPECT_THAT(message(kVoc, {"sweep.clip_weights=[1.5]"}),
              HasSubstr("sweep.clip_weights.0: expected a number from 0 to 1, found '1.5'"));
  EXPECT_THAT(message(kPlain, {"sweep.thresholds=[0.1]"}), HasSubstr("no data set has a backgr"));
  EXPECT_THAT(message(kVoc, {"sweep.thresholds=[0.1]", "save_predictions=2"}),
              HasSubstr("save_predictions: expected 0 in a sweep"));
  EXPECT_THAT(message(kVoc, {"sweep.thresholds=0.1"}), HasSubstr("expected a list of numbers"));
}

TEST(TemplateSets, Sets_HaveTheReferencesSizes) {
  std::vector<std::pair<std::string_view, std::size_t>> sizes;
  for (const TemplateSet& set : template_sets()) {
    sizes.emplace_back(set.name, set.prompts.size());
    EXPECT_EQ(std::set(set.prompts.begin(), set.prompts.end()).size(), set.prompts.size());
    EXPECT_THAT(set.prompts, Each(HasSubstr("{}")));
  }
  EXPECT_THAT(sizes,
              ElementsAre(std::pair("simple", 1), std::pair("full", 80), std::pair("subset", 7),
                          std::pair("maskclip", 5), std::pair("custom", 9)));
}

TEST(TemplateSets, NamesAndPrompts_AreMixedInOrder) {
  EXPECT_THAT(expand_templates({"the {}.", "simple"}), ElementsAre("the {}.", "a photo of a {}."));
  EXPECT_EQ(expand_templates({"subset", "maskclip"}).size(), 12u);
  EXPECT_THAT(load(kPlain, {"templates=full"}).templates, ElementsAre("full"));
  const EvaluateConfig plain = load(kPlain, {"datasets.0.templates=[\"the {}.\"]"});
  EXPECT_THAT(dataset_settings(plain, plain.datasets[0]).templates, ElementsAre("the {}."));
  const EvaluateConfig named =
      load(kPlain, {"templates=full", "datasets.0.templates=[\"the {}.\"]"});
  EXPECT_THAT(dataset_settings(named, named.datasets[0]).templates, ElementsAre("full"));
  const EvaluateConfig bare = load(kPlain);
  EXPECT_THAT(dataset_settings(bare, bare.datasets[0]).templates, ElementsAre("simple"));
  EXPECT_THAT(message(kPlain, {"templates=fulll"}),
              HasSubstr("templates.0: expected a prompt with one {} for the name, or one of the "
                        "sets simple, full, subset, maskclip, custom; found 'fulll'"));
}

// ---------------------------------------------------------------- benchmarks

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
  const Overrides vars = {"vars.data=/data",       "vars.clip=/c.safetensors",
                          "vars.tagalign=/t",      "vars.tcl=/tcl.pth",
                          "vars.groupvit=/g.pth",  "vars.ovsegmentor=/o.pth",
                          "vars.vocabulary=/v.txt"};
  const auto workflow = load_workflow(posix_file_system(), shipped("methods/compare.yml"), vars);
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  std::set<std::string> rows;
  for (const WorkflowJob& job : workflow->jobs) {
    const EvaluateConfig config = load(job.config);
    EXPECT_EQ(config.datasets.size(), 8u) << job.name;
    rows.insert(row_label(config));
  }
  EXPECT_THAT(rows, testing::ElementsAre("clip", "clip-surgery", "groupvit", "ovsegmentor",
                                         "tagalign", "tcl"));
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
