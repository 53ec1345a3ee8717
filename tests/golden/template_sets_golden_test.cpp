/// The template sets against the reference's text embeddings, which are means over them.
#include <gtest/gtest.h>

#include "base/file_system.h"
#include "configs/schema/template_sets.h"
#include "model/segmentation.h"
#include "tests/support/golden_reader.h"

namespace tagalign::model {
namespace {

using testing::read_golden_tensors;

TEST(TemplateSetsGolden, EachSetThatTheReferenceRan_GivesItsTextEmbeddings) {
  TA_REQUIRE_GOLDEN("inference/inference_v1.json");
  const nlohmann::json info = testing::read_golden_json("inference/inference_v1.json");
  const auto golden = read_golden_tensors("inference/scores_v1.safetensors");
  const auto text = TextTower::create(read_golden_tensors("clip/clip_tiny.safetensors"));
  const auto tokenizer = Tokenizer::load(posix_file_system(), default_vocabulary());
  const std::vector<std::string> classes = info.at("classes");
  std::size_t compared = 0;
  for (const config::TemplateSet& set : config::template_sets()) {
    const auto expected = golden.find("text_embedding." + std::string(set.name) + ".nobackground");
    if (expected == golden.end()) continue;
    const at::Tensor ours = class_embeddings(text.value(), tokenizer.value(), classes, set.prompts);
    EXPECT_LE(testing::max_deviation(ours, expected->second), 3e-5) << set.name;
    ++compared;
  }
  EXPECT_GE(compared, 3u) << "simple, full, custom";
}

}  // namespace
}  // namespace tagalign::model
