/// Embeddings of several templates and of names with synonyms, on the reference's tiny CLIP.
#include <gtest/gtest.h>

#include "base/file_system.h"
#include "model/inference/segmentation.h"
#include "tests/support/golden_reader.h"

namespace tagalign::model {
namespace {

using testing::read_golden_tensors;

constexpr double kBound = 3e-5;

class ClassEmbeddingsGolden : public ::testing::Test {
 protected:
  at::Tensor embed(const std::vector<std::string>& classes,
                   const std::vector<std::string>& templates) {
    const auto text = TextTower::create(read_golden_tensors("clip/clip_tiny.safetensors"));
    const auto tokenizer = Tokenizer::load(posix_file_system(), default_vocabulary());
    return class_embeddings(text.value(), tokenizer.value(), classes, templates);
  }
};

TEST_F(ClassEmbeddingsGolden, SeveralTemplatesAndSynonyms_AreMeanOfPrompts_OfTheFirstName) {
  TA_REQUIRE_GOLDEN("clip/clip_tiny.safetensors");
  const at::Tensor both = embed({"pole;column", "car"}, {"a photo of a {}.", "{} and {}"});
  const at::Tensor first = embed({"pole", "car"}, {"a photo of a {}."});
  const at::Tensor second = embed({"pole and pole", "car and car"}, {"{}"});
  EXPECT_LE(testing::max_deviation(both, first.add(second).div(2.0)), kBound);
}

}  // namespace
}  // namespace tagalign::model
