// The training-free heads: their files, and what their authors use on each data set.
#include <variant>

#include "configs/schema/jobs/evaluation_settings.h"
#include "configs/schema/reading/load.h"
#include "tests/unit/config/config_test_support.h"

namespace tagalign::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// An evaluation by configs/methods/FILE.yml of one of configs/benchmarks.
Result<EvaluateConfig> evaluation(const std::string& file, const std::string& benchmark,
                                  const Overrides& overrides = {}) {
  const TemporaryFolder folder;
  const Path configs = source_folder() / "configs";
  const Path path =
      folder.write("e.yml", "_base_: " + (configs / "methods" / file).string() +
                                "\nclip: {weights: w}\ndatasets: [{_base_: " +
                                (configs / "benchmarks" / benchmark).string() + ", root: r}]\n");
  return load_job_config<EvaluateConfig>(posix_file_system(), path, overrides);
}

EvaluateConfig load(const std::string& head, const std::string& benchmark) {
  const auto config = evaluation(head + ".yml", benchmark + ".yml");
  EXPECT_TRUE(config.ok()) << config.status().message();
  return config.ok() ? *config : EvaluateConfig();
}

DatasetSettings settings(const std::string& head, const std::string& benchmark) {
  const EvaluateConfig config = load(head, benchmark);
  return config.datasets.empty() ? DatasetSettings()
                                 : dataset_settings(config, config.datasets.front());
}

TEST(Heads, EachFile_ChoosesItsMethod) {
  EXPECT_EQ(method_name(load("sclip", "voc").method), "sclip");
  EXPECT_EQ(method_name(load("naclip", "voc").method), "naclip");
  EXPECT_EQ(method_name(load("clearclip", "voc").method), "clearclip");
  EXPECT_EQ(method_name(load("maskclip", "voc").method), "maskclip");
  EXPECT_EQ(method_name(load("clip_head", "voc").method), "clip-head");
}

TEST(Heads, Windows_AreTheirAuthors) {
  const DatasetSettings voc = settings("sclip", "voc");
  EXPECT_EQ(voc.short_side, 336);
  EXPECT_EQ(voc.window, 224);
  EXPECT_EQ(voc.stride, 112);
  EXPECT_THAT(voc.templates, ElementsAre("full"));
  EXPECT_EQ(settings("sclip", "coco_stuff").short_side, 448);
  EXPECT_EQ(settings("naclip", "coco_stuff").short_side, 336);
  EXPECT_EQ(settings("naclip", "cityscapes").short_side, 560);
  EXPECT_GE(settings("naclip", "voc20").window, 2048) << "the whole image";
  EXPECT_EQ(settings("clearclip", "ade20k").window, 448);
  EXPECT_EQ(settings("maskclip", "cityscapes").window, 224);
}

TEST(Heads, Thresholds_DependOnTheDataSetAndTheHead) {
  EXPECT_EQ(settings("sclip", "context").background_threshold, 0.1);
  EXPECT_EQ(settings("naclip", "coco_object").background_threshold, 0.1);
  EXPECT_EQ(settings("clearclip", "voc").background_threshold, 0.5);
  EXPECT_EQ(settings("maskclip", "voc").background_threshold, 0.5);
  EXPECT_EQ(settings("clip_head", "voc").background_threshold, 0.2);
  EXPECT_EQ(settings("clearclip", "context").background_threshold, 0.15);
  EXPECT_FALSE(settings("sclip", "ade20k").background_threshold.has_value());
}

TEST(Heads, Sclip_HasAScaleForSomeDataSets) {
  const auto head = std::get<SclipEvaluation>(load("sclip", "voc").method).settings;
  EXPECT_EQ(head.on("voc").scale, 65);
  EXPECT_EQ(head.on("voc").area_threshold, 0.1);
  EXPECT_EQ(head.on("coco_object").scale, 50);
  EXPECT_EQ(head.on("ade20k").scale, 40);
  EXPECT_EQ(head.on("ade20k").area_threshold, 0);
}

TEST(Heads, Prompts_AreOneAClass) {
  for (const std::string name : {"voc", "voc20", "coco_object", "coco_stuff", "cityscapes",
                                 "ade20k", "context", "context59"}) {
    for (const std::string head :
         {"sclip", "naclip", "resclip", "clearclip", "maskclip", "clip_head"}) {
      SCOPED_TRACE(head + " on " + name);
      const EvaluateConfig config = load(head, name);
      ASSERT_EQ(config.datasets.size(), 1u);
      const SegmentationDataConfig& data = config.datasets.front();
      const auto prompts = dataset_settings(config, data).class_prompts;
      EXPECT_TRUE(prompts.empty() || prompts.size() == data.class_names.size());
    }
  }
  EXPECT_THAT(settings("sclip", "voc").class_prompts.back(),
              testing::StartsWith("television monitor, tv monitor, "));
  EXPECT_EQ(settings("clearclip", "voc").class_prompts.at(4), "ship");
}

TEST(Heads, BadKeys_AreNamedWithWhatWasExpected) {
  const auto message = [](const std::string& key) {
    const auto config = evaluation("naclip.yml", "voc.yml", {key});
    return config.ok() ? "accepted" : config.status().message();
  };
  EXPECT_THAT(message("method.attention=key_neighbors"),
              HasSubstr("did you mean 'key_neighbours'"));
  EXPECT_THAT(message("method.scale=0"), HasSubstr("method.scale: expected a number above 0"));
  EXPECT_THAT(message("method.gaussian_std=-1"), HasSubstr("method.gaussian_std"));
  EXPECT_THAT(message("method.sigma=5"), HasSubstr("unknown key in method: 'sigma'"));
  EXPECT_THAT(message("method.datasets.voc.scale=-2"), HasSubstr("method.datasets.voc.scale"));
}

ResClipEvaluation resclip_on(const std::string& benchmark) {
  return std::get<ResClipEvaluation>(load("resclip", benchmark).method).on(benchmark);
}

TEST(ResClip, Protocol_IsNaclipsWithoutRefinement) {
  EXPECT_EQ(settings("resclip", "voc").background_threshold, 0.1);
  EXPECT_EQ(settings("resclip", "voc").window, settings("naclip", "voc").window);
  EXPECT_EQ(settings("resclip", "context").window, 224);
  EXPECT_EQ(settings("resclip", "cityscapes").short_side, 560);
  EXPECT_TRUE(std::holds_alternative<RefineNone>(settings("resclip", "voc").refine));
}

TEST(ResClip, Blends_DependOnTheDataSet) {
  const auto values = [](const std::string& benchmark) {
    const ResClipEvaluation c = resclip_on(benchmark);
    return std::vector<double>{c.feedback_threshold, c.rcs.temperature, c.rcs.weight,
                               c.sfr.temperature, c.sfr.weight};
  };
  EXPECT_THAT(values("voc"), ElementsAre(0.5, 2.0, 0.3, 2.2, 0.7));
  EXPECT_THAT(values("context"), ElementsAre(0.3, 2.0, 0.3, 1.8, 0.7));
  EXPECT_THAT(values("coco_object"), ElementsAre(0.11, 2.0, 0.4, 1.8, 0.7));
  EXPECT_THAT(values("voc20"), ElementsAre(0.1, 2.0, 0.6, 2.1, 0.6));
  EXPECT_THAT(values("context59"), ElementsAre(0.25, 2.0, 0.4, 1.8, 0.7));
  EXPECT_THAT(values("coco_stuff"), ElementsAre(0.11, 2.0, 0.4, 1.8, 0.7));
  EXPECT_THAT(values("cityscapes"), ElementsAre(0.1, 2.0, 0.2, 2.1, 0.6));
  EXPECT_THAT(values("ade20k"), ElementsAre(0.25, 2.0, 0.3, 2.1, 0.7));
}

TEST(ResClip, DataSet_MayChangeEveryValueOfItsProtocol) {
  const auto config =
      evaluation("resclip.yml", "voc.yml",
                 {"method.datasets.voc.scale=50", "method.datasets.voc.delete_same_entity=false",
                  "method.datasets.voc.rcs.temperature=3"});
  ASSERT_TRUE(config.ok()) << config.status().message();
  const ResClipEvaluation voc = std::get<ResClipEvaluation>(config->method).on("voc");
  EXPECT_EQ(voc.settings.scale, 50);
  EXPECT_FALSE(voc.delete_same_entity);
  EXPECT_EQ(voc.rcs, (AttentionBlend{3.0, 0.3}));
}

TEST(ResClip, BadKeys_AreNamedWithWhatWasExpected) {
  const auto message = [](const std::string& key) {
    const auto config = evaluation("resclip.yml", "voc.yml", {key});
    return config.ok() ? "accepted" : config.status().message();
  };
  EXPECT_THAT(message("method.attention=identity"),
              HasSubstr("method.attention: expected query_key"));
  EXPECT_THAT(message("method.blocks=[7, 6]"), HasSubstr("method.blocks: expected ascending"));
  EXPECT_THAT(message("method.rcs.weight=2"), HasSubstr("method.rcs.weight"));
  EXPECT_THAT(message("method.temp_thd=0.1"), HasSubstr("unknown key in method: 'temp_thd'"));
}

DatasetSettings proxyclip_settings(const std::string& benchmark) {
  const auto config = evaluation("proxyclip.yml", benchmark + ".yml", {"method.dino=/d.pth"});
  EXPECT_TRUE(config.ok()) << config.status().message();
  return config.ok() ? dataset_settings(*config, config->datasets.front()) : DatasetSettings();
}

TEST(ProxyClip, Protocol_DependsOnTheDataSet) {
  const DatasetSettings voc = proxyclip_settings("voc");
  EXPECT_EQ(voc.short_side, 336);
  EXPECT_EQ(voc.window, 336);
  EXPECT_EQ(voc.stride, 112);
  EXPECT_EQ(voc.background_threshold, 0.2);
  EXPECT_EQ(proxyclip_settings("context").background_threshold, 0.15);
  EXPECT_EQ(proxyclip_settings("coco_object").background_threshold, 0.25);
  EXPECT_EQ(proxyclip_settings("cityscapes").short_side, 448);
  EXPECT_EQ(proxyclip_settings("cityscapes").window, 224);
  EXPECT_EQ(proxyclip_settings("ade20k").short_side, 448);
}

TEST(ProxyClip, Dino_IsAskedForAndCountsAmongTheFiles) {
  const auto without = evaluation("proxyclip.yml", "voc.yml");
  ASSERT_FALSE(without.ok());
  EXPECT_THAT(without.status().message(), HasSubstr("method.dino"));
  const auto with = evaluation("proxyclip.yml", "voc.yml", {"method.dino=/d.pth"});
  ASSERT_TRUE(with.ok()) << with.status().message();
  EXPECT_THAT(files_of(with->method), ElementsAre("/d.pth"));
}

TEST(ProxyClip, KeysOfALastBlock_AreUnknown) {
  const auto config =
      evaluation("proxyclip.yml", "voc.yml", {"method.dino=/d.pth", "method.attention=query"});
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.status().message(), HasSubstr("attention"));
}

}  // namespace
}  // namespace tagalign::config
