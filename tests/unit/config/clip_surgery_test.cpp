#include "configs/schema/methods/clip_surgery.h"

#include <string>

#include "configs/schema/jobs/evaluation_settings.h"
#include "configs/schema/methods/template_sets.h"
#include "configs/schema/reading/load.h"
#include "tests/unit/config/config_test_support.h"

namespace tagalign::config {
namespace {

using testing::HasSubstr;

const std::string kPlain =
    "clip: {weights: w}\nmethod: clip-surgery\ndatasets: [{name: a, root: r}]\n";

std::string message(const Overrides& overrides) {
  const auto config = parse_job_config<EvaluateConfig>(kPlain, "e.yml", overrides);
  return config.ok() ? "accepted" : config.status().message();
}

TEST(ClipSurgery, NameAlone_BringsTheAuthorsProtocol) {
  const auto config = parse_job_config<EvaluateConfig>(kPlain, "e.yml", {});
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(row_label(*config), "clip-surgery");
  const DatasetSettings settings = dataset_settings(*config, config->datasets[0]);
  EXPECT_EQ(settings.short_side, 512);
  EXPECT_GE(settings.window, settings.short_side);
  EXPECT_EQ(expand_templates(settings.templates).size(), 85u);
  EXPECT_EQ(settings.background_threshold, std::nullopt);
  EXPECT_EQ(preset_of(config->method).resize, ImageResize::kSquash);
  EXPECT_EQ(preset_of(config->method).pixels, PixelStatistics::kClip);
}

TEST(ClipSurgery, ShippedFile_IsItsDefaults) {
  const Path file = source_folder() / "configs/methods/clip_surgery.yml";
  const auto config = load_job_config<EvaluateConfig>(
      posix_file_system(), file, {"clip.weights=w", "datasets=[{name: a, root: r}]"});
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->method, EvaluationMethod(ClipSurgeryEvaluation{}));
}

TEST(ClipSurgery, UnknownWord_IsNamedWithTheNearest) {
  const std::string argmax = message({"method={name: clip-surgery, argmax: surgry}"});
  EXPECT_THAT(argmax, HasSubstr("argmax: expected one of cosine, surgery"));
  EXPECT_THAT(argmax, HasSubstr("did you mean 'surgery'?"));
  EXPECT_THAT(message({"method={name: clip-surgery, ranking: cosine}"}),
              HasSubstr("ranking: expected one of surgery, softmax"));
  EXPECT_THAT(message({"method=clip-surgry"}), HasSubstr("did you mean 'clip-surgery'?"));
}

TEST(ClipSurgery, PointsOutOfRange_AreRefused) {
  EXPECT_THAT(message({"method={name: clip-surgery, point_threshold: 1.5}"}),
              HasSubstr("point_threshold"));
  EXPECT_THAT(message({"method={name: clip-surgery, point_shrink: 0}"}), HasSubstr("point_shrink"));
}

}  // namespace
}  // namespace tagalign::config
