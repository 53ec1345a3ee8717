// What an evaluation leaves to its protocol.
#include <variant>

#include "configs/schema/jobs/evaluation_settings.h"
#include "configs/schema/methods/template_sets.h"
#include "configs/schema/reading/workflow.h"
#include "tests/unit/config/evaluation_support.h"

namespace tagalign::config {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kVoc =
    "clip: {weights: w}\n"
    "datasets:\n"
    "  - {name: voc, root: r, background: true, protocols: {v3: {background_threshold: 0.45}}}\n";
const std::string kPlain = "clip: {weights: w}\ndatasets: [{name: a, root: r}]\n";

std::string message(const std::string& text, const Overrides& overrides = {}) {
  const auto config = parse_job_config<EvaluateConfig>(text, "e.yml", overrides);
  return config.ok() ? "accepted" : config.status().message();
}

ScoreSettings scores_of(const EvaluateConfig& config) {
  return section(config).scores.settings();
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

}  // namespace
}  // namespace tagalign::config
