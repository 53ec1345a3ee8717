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

#include "model/clip/random_tensors.h"
#include "model/methods/proxyclip/attention.h"
#include "tests/support/tiny_models.h"

namespace tagalign::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

at::Tensor drawn(std::vector<std::int64_t> shape) {
  return normal_tensor({.seed = 9, .name = "drawn"}, shape, 0.5);
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
  const auto tower = DinoTower::create(tiny_dino(), 2, at::kCPU);
  ASSERT_TRUE(tower.ok()) << tower.status().message();
  EXPECT_EQ(tower->encode(drawn({2, 3, 24, 16})).sizes(), (std::vector<std::int64_t>{2, 6, 8}));
}

TEST(DinoTower, CheckpointOfItsTraining_GivesTheSameEncoder) {
  const at::NoGradGuard no_grad;
  StateDict wrapped = {{"module.head.mlp.0.weight", at::ones({2, 2})}};
  for (const auto& [name, tensor] : tiny_dino()) wrapped["module.backbone." + name] = tensor;
  const auto plain = DinoTower::create(tiny_dino(), 2, at::kCPU);
  const auto student = DinoTower::create(wrapped, 2, at::kCPU);
  ASSERT_TRUE(student.ok()) << student.status().message();
  const at::Tensor image = drawn({1, 3, 16, 16});
  EXPECT_TRUE(plain->encode(image).equal(student->encode(image)));
}

TEST(LoadDino, MissingTensors_AreNamedWithFileAndNextStep) {
  StateDict weights = tiny_dino();
  weights.erase("blocks.0.attn.qkv.bias");
  EXPECT_THAT(load_error(weights).message(),
              AllOf(HasSubstr("second.pth is no DINO ViT"), HasSubstr("blocks.0.attn.qkv.bias"),
                    HasSubstr("set method.dino")));
}

TEST(LoadDino, AnotherWidth_NamesExpectedAndFound) {
  StateDict weights = tiny_dino();
  weights["norm.weight"] = at::ones({12});
  EXPECT_THAT(load_error(weights).message(),
              HasSubstr("tensor 'norm.weight': expected the shape [8], found [12]"));
}

TEST(LoadDino, TensorsOfAnotherModel_AreRefused) {
  StateDict weights = tiny_dino();
  weights["blocks.0.ls1.gamma"] = at::ones({8});
  EXPECT_THAT(load_error(weights).message(), HasSubstr("does not have: blocks.0.ls1.gamma"));
}

TEST(LoadDino, PatchThatTheMultipleDoesNotHold_NamesBothKeys) {
  EXPECT_THAT(load_error(tiny_dino(16)).message(),
              AllOf(HasSubstr("second.pth"), HasSubstr("method.multiple (56)"),
                    HasSubstr("found 16 pixels"), HasSubstr("multiple of 16")));
}

TEST(LoadDino, HeadsThatDoNotDivideTheWidth_NameTheKey) {
  auto config = section();
  config.dino_heads = 3;
  EXPECT_THAT(load_error(tiny_dino(), config).message(),
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
