#include "model/methods/proxyclip/proxyclip.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "model/methods/proxyclip/attention.h"

namespace tagalign::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::int64_t kWidth = 8;

at::Tensor drawn(std::vector<std::int64_t> shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  at::Tensor values = at::zeros({count});
  for (std::int64_t i = 0; i < count; ++i)
    values.mutable_data_ptr<float>()[i] = static_cast<float>((i * 37 + 11) % 23) / 23.0F - 0.5F;
  return values.view(shape);
}

/// One block, `patch` pixels a patch, a native grid of 2×2.
StateDict dino_weights(std::int64_t patch = 8) {
  StateDict all = {{"patch_embed.proj.weight", drawn({kWidth, 3, patch, patch})},
                   {"patch_embed.proj.bias", drawn({kWidth})},
                   {"cls_token", drawn({1, 1, kWidth})},
                   {"pos_embed", drawn({1, 5, kWidth})}};
  const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in) {
    all[name + ".weight"] = drawn({out, in});
    all[name + ".bias"] = drawn({out});
  };
  for (const char* norm : {"blocks.0.norm1", "blocks.0.norm2", "norm"}) {
    all[std::string(norm) + ".weight"] = at::ones({kWidth});
    all[std::string(norm) + ".bias"] = at::zeros({kWidth});
  }
  linear("blocks.0.attn.qkv", 3 * kWidth, kWidth);
  linear("blocks.0.attn.proj", kWidth, kWidth);
  linear("blocks.0.mlp.fc1", 4 * kWidth, kWidth);
  linear("blocks.0.mlp.fc2", kWidth, 4 * kWidth);
  return all;
}

config::ProxyClipEvaluation section() {
  config::ProxyClipEvaluation config;
  config.dino = "second.pth";
  config.dino_heads = 2;
  return config;
}

Status load_error(const StateDict& weights, const config::ProxyClipEvaluation& config = section()) {
  const Materials materials{
      .read_weights = [&](const Path&) -> Result<StateDict> { return weights; }};
  return load_dino(materials, config).status();
}

TEST(DinoTower, PatchTokens_HaveTheGridOfTheImage) {
  const at::NoGradGuard no_grad;
  const auto tower = DinoTower::create(dino_weights(), 2, at::kCPU);
  ASSERT_TRUE(tower.ok()) << tower.status().message();
  EXPECT_EQ(tower->encode(drawn({2, 3, 24, 16})).sizes(), (std::vector<std::int64_t>{2, 6, 8}));
}

TEST(DinoTower, CheckpointOfItsTraining_GivesTheSameEncoder) {
  const at::NoGradGuard no_grad;
  StateDict wrapped = {{"module.head.mlp.0.weight", at::ones({2, 2})}};
  for (const auto& [name, tensor] : dino_weights()) wrapped["module.backbone." + name] = tensor;
  const auto plain = DinoTower::create(dino_weights(), 2, at::kCPU);
  const auto student = DinoTower::create(wrapped, 2, at::kCPU);
  ASSERT_TRUE(student.ok()) << student.status().message();
  const at::Tensor image = drawn({1, 3, 16, 16});
  EXPECT_TRUE(plain->encode(image).equal(student->encode(image)));
}

TEST(LoadDino, MissingTensors_AreNamedWithFileAndNextStep) {
  StateDict weights = dino_weights();
  weights.erase("blocks.0.attn.qkv.bias");
  EXPECT_THAT(load_error(weights).message(),
              AllOf(HasSubstr("second.pth is no DINO ViT"), HasSubstr("blocks.0.attn.qkv.bias"),
                    HasSubstr("set method.dino")));
}

TEST(LoadDino, AnotherWidth_NamesExpectedAndFound) {
  StateDict weights = dino_weights();
  weights["norm.weight"] = at::ones({12});
  EXPECT_THAT(load_error(weights).message(),
              HasSubstr("tensor 'norm.weight': expected the shape [8], found [12]"));
}

TEST(LoadDino, TensorsOfAnotherModel_AreRefused) {
  StateDict weights = dino_weights();
  weights["blocks.0.ls1.gamma"] = at::ones({8});
  EXPECT_THAT(load_error(weights).message(), HasSubstr("does not have: blocks.0.ls1.gamma"));
}

TEST(LoadDino, PatchThatTheMultipleDoesNotHold_NamesBothKeys) {
  EXPECT_THAT(load_error(dino_weights(16)).message(),
              AllOf(HasSubstr("second.pth"), HasSubstr("method.multiple (56)"),
                    HasSubstr("found 16 pixels"), HasSubstr("multiple of 16")));
}

TEST(LoadDino, HeadsThatDoNotDivideTheWidth_NameTheKey) {
  auto config = section();
  config.dino_heads = 3;
  EXPECT_THAT(load_error(dino_weights(), config).message(),
              AllOf(HasSubstr("multiple of 3 heads, found 8"), HasSubstr("method.dino_heads")));
}

TEST(LoadDino, FileThatCannotBeRead_KeepsItsError) {
  const Materials materials{.read_weights = [](const Path&) -> Result<StateDict> {
    return not_found("weights /none.pth: no such file");
  }};
  EXPECT_THAT(load_dino(materials, section()).status().message(),
              AllOf(HasSubstr("method.dino"), HasSubstr("/none.pth")));
}

TEST(ProxyWeights, PairsBelowTheShareOfTheMean_CountForNothing) {
  const at::Tensor cosines = at::eye(3).unsqueeze(0);  // mean 1/3
  const at::Tensor weights = proxy_weights(cosines, at::ones({1, 1, 1}) / 3, {1.2, 3.0});
  EXPECT_TRUE(weights.equal(cosines));
}

TEST(ProxyWeights, WindowOfOneColour_WeighsAllPairsAlike) {
  const at::Tensor cosines = at::ones({1, 4, 4});
  const at::Tensor weights = proxy_weights(cosines, at::ones({1, 1, 1}), {1.2, 3.0});
  EXPECT_TRUE(weights.allclose(at::ones({1, 4, 4}) / 4));
}

TEST(ImageNetPixels, MeanOfClip_IsWhatItIsUnderImageNet) {
  const at::Tensor pixels = imagenet_pixels(at::zeros({1, 3, 1, 1})).flatten();
  const at::Tensor expected = at::tensor({(0.48145466 - 0.485) / 0.229, (0.4578275 - 0.456) / 0.224,
                                          (0.40821073 - 0.406) / 0.225})
                                  .to(at::kFloat);
  EXPECT_TRUE(pixels.allclose(expected, 1e-4, 1e-6));
}

}  // namespace
}  // namespace tagalign::model
