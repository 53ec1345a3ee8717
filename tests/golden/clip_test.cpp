// CLIP's towers against the official implementation (golden/clip): float32, bounds of the fixtures'
// own description.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "model/clip/towers.h"
#include "tests/support/golden_reader.h"

namespace tagalign::model {
namespace {

using tagalign::testing::max_deviation;
using tagalign::testing::read_golden_tensors;

constexpr char kWeights[] = "clip/clip_tiny.safetensors";
constexpr double kSequenceBound = 2e-4;
constexpr double kProjectedBound = 1e-4;
constexpr double kTextBound = 3e-5;

struct ModeCase {
  std::string name;
  VisionAttention attention;
};
const ModeCase kModes[] = {{"plain", VisionAttention::kPlain},
                           {"surgery", VisionAttention::kSurgery},
                           {"maskclip", VisionAttention::kMaskClip}};

class ClipGolden : public ::testing::TestWithParam<ModeCase> {};

TEST_P(ClipGolden, ImageSequence_AllSizes_MatchesReference) {
  TA_REQUIRE_GOLDEN("clip/image_encoder.safetensors");
  const at::NoGradGuard no_grad;
  const VisionTower tower = VisionTower::create(read_golden_tensors(kWeights)).value();
  const auto golden = read_golden_tensors("clip/image_encoder.safetensors");
  for (const std::string size : {"64x64", "96x96", "64x112", "112x64"}) {
    const at::Tensor sequence = tower.encode(golden.at("input." + size), GetParam().attention);
    const std::string prefix = GetParam().name + "." + size;
    EXPECT_LE(max_deviation(sequence, golden.at(prefix + ".sequence")), kSequenceBound) << prefix;
    EXPECT_LE(max_deviation(tower.projection().forward(sequence), golden.at(prefix + ".clip_proj")),
              kProjectedBound)
        << prefix;
  }
}

TEST_P(ClipGolden, Blocks_Observed_MatchReference) {
  TA_REQUIRE_GOLDEN("clip/image_encoder_blocks_64x64.safetensors");
  const at::NoGradGuard no_grad;
  const VisionTower tower = VisionTower::create(read_golden_tensors(kWeights)).value();
  const auto golden = read_golden_tensors("clip/image_encoder_blocks_64x64.safetensors");
  const at::Tensor images = read_golden_tensors("clip/image_encoder.safetensors").at("input.64x64");
  std::size_t compared = 0;
  const auto compare = [&](const std::string& name, const at::Tensor& tensor) {
    EXPECT_LE(max_deviation(tensor, golden.at(name)), kSequenceBound) << name;
    ++compared;
  };
  tower.encode(images, GetParam().attention,
               [&](std::int64_t block, const at::Tensor& x, const at::Tensor& x_ori) {
                 const std::string stage =
                     block < 0 ? ".ln_pre" : ".block" + std::to_string(block) + ".x";
                 compare(GetParam().name + stage, x);
                 if (x_ori.defined()) compare(GetParam().name + stage + "_ori", x_ori);
               });
  std::size_t stored = 0;
  for (const auto& [name, tensor] : golden) stored += name.starts_with(GetParam().name + ".");
  EXPECT_EQ(compared, stored);
}

INSTANTIATE_TEST_SUITE_P(Modes, ClipGolden, ::testing::ValuesIn(kModes),
                         [](const auto& tested) { return tested.param.name; });

TEST(ClipGolden, TextFeatures_Captions_MatchReference) {
  TA_REQUIRE_GOLDEN("clip/text_encoder.safetensors");
  const at::NoGradGuard no_grad;
  const TextTower tower = TextTower::create(read_golden_tensors(kWeights)).value();
  const auto golden = read_golden_tensors("clip/text_encoder.safetensors");
  const at::Tensor ids = golden.at("token_ids").to(at::kLong);
  EXPECT_LE(max_deviation(tower.encode(ids), golden.at("text_features")), kTextBound);
  EXPECT_LE(max_deviation(tower.encode_sequence(ids.slice(0, 0, 2)),
                          golden.at("transformer_output_first2")),
            kTextBound);
}

TEST(ClipGolden, Shape_TinyClip_IsInferred) {
  TA_REQUIRE_GOLDEN(kWeights);
  const ClipShape shape = infer_clip_shape(read_golden_tensors(kWeights)).value();
  EXPECT_EQ(shape.vision_width, 128);
  EXPECT_EQ(shape.vision_layers, 8);
  EXPECT_EQ(shape.vision_heads, 2);
  EXPECT_EQ(shape.patch_size, 16);
  EXPECT_EQ(shape.image_size(), 64);
  EXPECT_EQ(shape.text_width, 64);
  EXPECT_EQ(shape.text_layers, 3);
  EXPECT_EQ(shape.text_heads, 1);
  EXPECT_EQ(shape.context, 77);
  EXPECT_EQ(shape.vocabulary, 49408);
  EXPECT_EQ(shape.embed_dim, 64);
}

}  // namespace
}  // namespace tagalign::model
