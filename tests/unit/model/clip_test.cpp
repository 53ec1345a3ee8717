#include "model/clip/towers.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace tagalign::model {
namespace {

using ::testing::HasSubstr;

ClipShape small_shape() {
  ClipShape shape;
  shape.vision_width = 64, shape.vision_layers = 8, shape.vision_heads = 1;
  shape.patch_size = 8, shape.grid = 4;
  shape.text_width = 64, shape.text_layers = 2, shape.text_heads = 1;
  shape.context = 12, shape.vocabulary = 50, shape.embed_dim = 32;
  return shape;
}

StateDict small_weights() {
  return initial_clip_weights(small_shape(), /*seed=*/3);
}

at::Tensor images(std::int64_t batch, std::int64_t height, std::int64_t width) {
  const at::Tensor ramp = at::arange(batch * 3 * height * width, at::kFloat);
  return (ramp * 0.37).sin().view({batch, 3, height, width});
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return (a - b).abs().max().item<double>();
}

TEST(InferClipShape, InitialWeights_GiveBackTheirShape) {
  const ClipShape shape = infer_clip_shape(small_weights()).value();
  const ClipShape expected = small_shape();
  EXPECT_EQ(shape.vision_width, expected.vision_width);
  EXPECT_EQ(shape.vision_layers, expected.vision_layers);
  EXPECT_EQ(shape.grid, expected.grid);
  EXPECT_EQ(shape.image_size(), 32);
  EXPECT_EQ(shape.text_layers, expected.text_layers);
  EXPECT_EQ(shape.context, expected.context);
  EXPECT_EQ(shape.vocabulary, expected.vocabulary);
  EXPECT_EQ(shape.embed_dim, expected.embed_dim);
}

TEST(InferClipShape, MissingTensor_IsNamed) {
  for (const std::string name :
       {"visual.conv1.weight", "visual.transformer.resblocks.3.ln_2.bias", "text_projection",
        "transformer.resblocks.0.attn.in_proj_weight", "ln_final.weight"}) {
    StateDict weights = small_weights();
    weights.erase(name);
    const auto shape = infer_clip_shape(weights);
    ASSERT_FALSE(shape.ok()) << name;
    EXPECT_EQ(shape.status().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(shape.status().message(), HasSubstr("'" + name + "' is missing"));
  }
}

TEST(InferClipShape, ImpossibleShape_NamesTensorAndBothShapes) {
  StateDict weights = small_weights();
  weights["visual.positional_embedding"] = at::zeros({16, 64});
  EXPECT_THAT(infer_clip_shape(weights).status().message(),
              ::testing::AllOf(HasSubstr("visual.positional_embedding"), HasSubstr("[16, 64]")));
  weights = small_weights();
  weights["text_projection"] = at::zeros({64, 31});
  EXPECT_THAT(infer_clip_shape(weights).status().message(),
              ::testing::AllOf(HasSubstr("text_projection"), HasSubstr("[64, 32]")));
  weights = small_weights();
  weights["token_embedding.weight"] = at::zeros({50, 65});
  EXPECT_THAT(infer_clip_shape(weights).status().message(), HasSubstr("multiple of 64"));
}

TEST(VisionAttention, UnknownName_ListsTheKnownOnes) {
  EXPECT_EQ(vision_attention_from_name("surgery").value(), VisionAttention::kSurgery);
  EXPECT_THAT(vision_attention_from_name("magic").status().message(),
              ::testing::AllOf(HasSubstr("magic"), HasSubstr("maskclip")));
}

TEST(VisionTower, ImagesWithRemainder_DropIt) {
  const at::NoGradGuard no_grad;
  const VisionTower tower = VisionTower::create(small_weights()).value();
  const at::Tensor whole = images(2, 39, 45);
  const at::Tensor cut = whole.slice(2, 0, 32).slice(3, 0, 40);
  const at::Tensor encoded = tower.encode(whole, VisionAttention::kSurgery);
  EXPECT_EQ(encoded.sizes(), at::IntArrayRef({2, 1 + 4 * 5, 64}));
  EXPECT_TRUE(at::equal(encoded, tower.encode(cut, VisionAttention::kSurgery)));
}

TEST(VisionTower, Observer_ChangesNoResult) {
  const at::NoGradGuard no_grad;
  const VisionTower tower = VisionTower::create(small_weights()).value();
  for (const auto attention :
       {VisionAttention::kPlain, VisionAttention::kSurgery, VisionAttention::kMaskClip}) {
    std::vector<std::int64_t> blocks;
    const at::Tensor observed = tower.encode(
        images(2, 32, 32), attention,
        [&](std::int64_t block, const at::Tensor&, const at::Tensor&) { blocks.push_back(block); });
    EXPECT_THAT(blocks, ::testing::ElementsAre(-1, 0, 1, 2, 3, 4, 5, 6, 7));
    EXPECT_LT(largest_difference(observed, tower.encode(images(2, 32, 32), attention)), 1e-5);
  }
}

TEST(VisionTower, Pooled_IsTheProjectedClsOfThePlainSequence) {
  const at::NoGradGuard no_grad;
  const VisionTower tower = VisionTower::create(small_weights()).value();
  const at::Tensor sequence = tower.encode(images(3, 32, 32), VisionAttention::kPlain);
  const at::Tensor expected = tower.projection().forward(sequence.select(1, 0));
  EXPECT_LT(largest_difference(tower.encode_pooled(images(3, 32, 32)), expected), 1e-5);
}

TEST(VisionTower, ChangedPositions_AreResizedAnew) {
  const at::NoGradGuard no_grad;
  const VisionTower tower = VisionTower::create(small_weights()).value();
  const at::Tensor before = tower.encode(images(1, 48, 48), VisionAttention::kPlain);
  EXPECT_TRUE(at::equal(before, tower.encode(images(1, 48, 48), VisionAttention::kPlain)));
  for (const Parameter& parameter : tower.parameters()) {
    if (parameter.name == "visual.positional_embedding") parameter.tensor.mul_(2);
  }
  const at::Tensor after = tower.encode(images(1, 48, 48), VisionAttention::kPlain);
  EXPECT_GT(largest_difference(before, after), 1e-3);
}

TEST(VisionTower, Weights_AreCopied) {
  const at::NoGradGuard no_grad;
  StateDict weights = small_weights();
  const VisionTower tower = VisionTower::create(weights).value();
  const at::Tensor before = tower.encode_pooled(images(1, 32, 32));
  for (auto& [name, tensor] : weights) tensor.zero_();
  EXPECT_TRUE(at::equal(before, tower.encode_pooled(images(1, 32, 32))));
}

/// After one step along the gradient of `loss`, every parameter has a gradient and
/// the loss is smaller.
template <class Tower, class Loss>
void expect_trainable(const Tower& tower, Loss loss) {
  for (const Parameter& p : tower.parameters()) p.tensor.set_requires_grad(true);
  const at::Tensor before = loss();
  before.backward();
  const at::NoGradGuard no_grad;
  for (const Parameter& p : tower.parameters()) {
    ASSERT_TRUE(p.tensor.grad().defined()) << p.name;
    p.tensor.sub_(p.tensor.grad(), /*alpha=*/1e-3);
  }
  EXPECT_LT(loss().template item<double>(), before.item<double>());
}

TEST(VisionTower, ParametersTrainedInPlace_LowerTheLoss) {
  const VisionTower tower = VisionTower::create(small_weights()).value();
  expect_trainable(tower, [&] { return tower.encode_pooled(images(2, 32, 32)).square().mean(); });
}

TEST(VisionTower, FrozenWeights_BuildNoGraph) {
  const VisionTower tower = VisionTower::create(small_weights()).value();
  EXPECT_FALSE(tower.encode(images(1, 32, 32), VisionAttention::kSurgery).requires_grad());
}

at::Tensor token_ids() {
  return at::tensor({48, 5, 49, 0, 0, 0, 0, 0, 0, 0, 0, 0, 48, 7, 8, 9, 3, 49, 0, 0, 0, 0, 0, 0},
                    at::kLong)
      .view({2, 12});
}

TEST(TextTower, EachText_IsReadAtItsEnd) {
  const at::NoGradGuard no_grad;
  const TextTower tower = TextTower::create(small_weights()).value();
  const at::Tensor together = tower.encode(token_ids());
  EXPECT_EQ(together.sizes(), at::IntArrayRef({2, 32}));
  for (const std::int64_t row : {0, 1}) {
    const at::Tensor alone = tower.encode(token_ids().slice(0, row, row + 1));
    EXPECT_LT(largest_difference(together.slice(0, row, row + 1), alone), 1e-5);
  }
}

TEST(TextTower, TokensAfterTheEnd_DoNotMatter) {
  const at::NoGradGuard no_grad;
  const TextTower tower = TextTower::create(small_weights()).value();
  at::Tensor changed = token_ids();
  changed.slice(1, 6).fill_(4);
  changed[0].slice(0, 3).fill_(2);
  EXPECT_LT(largest_difference(tower.encode(token_ids()), tower.encode(changed)), 1e-5);
}

TEST(TextTower, ParametersTrainedInPlace_LowerTheLoss) {
  const TextTower tower = TextTower::create(small_weights()).value();
  expect_trainable(tower, [&] { return tower.encode(token_ids()).square().mean(); });
}

TEST(InitialClipWeights, EqualSeeds_GiveEqualTensors) {
  const StateDict first = small_weights(), second = small_weights();
  const StateDict other = initial_clip_weights(small_shape(), /*seed=*/4);
  for (const auto& [name, tensor] : first) EXPECT_TRUE(at::equal(tensor, second.at(name))) << name;
  EXPECT_FALSE(at::equal(first.at("visual.proj"), other.at("visual.proj")));
}

TEST(InitialClipWeights, Spread_FollowsOpenAi) {
  ClipShape shape = small_shape();
  shape.vocabulary = 2000;
  const StateDict weights = initial_clip_weights(shape, 1);
  const auto spread = [&](const char* name) { return weights.at(name).std().item<double>(); };
  EXPECT_NEAR(spread("token_embedding.weight"), 0.02, 0.001);
  EXPECT_NEAR(spread("positional_embedding"), 0.01, 0.001);
  EXPECT_NEAR(spread("transformer.resblocks.0.attn.in_proj_weight"), 1.0 / 8, 0.01);
  EXPECT_NEAR(spread("transformer.resblocks.1.mlp.c_proj.weight"), 1.0 / 8 / 2, 0.005);
  EXPECT_NEAR(spread("transformer.resblocks.1.mlp.c_fc.weight"), 1 / std::sqrt(128.0), 0.005);
  EXPECT_NEAR(spread("visual.proj"), 1.0 / 8, 0.01);
  EXPECT_LE(weights.at("visual.conv1.weight").abs().max().item<double>(), 1 / std::sqrt(192.0));
  EXPECT_NEAR(weights.at("logit_scale").item<double>(), std::log(1 / 0.07), 1e-6);
}

}  // namespace
}  // namespace tagalign::model
