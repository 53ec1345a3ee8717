// What freezing a tower, attending by products and leaving out what nobody reads may change:
// nothing in fp32, and in bf16 no more than its rounding.
#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "model/clip/towers.h"

namespace tagalign::model {
namespace {

constexpr double kBf16Rounding = 1.0 / 256;  // relative, to the nearest of 8 bits
constexpr FrozenForm kFp32{};
constexpr FrozenForm kBf16{at::kBFloat16, AttentionWay::kFused};
constexpr FrozenForm kBf16Products{at::kBFloat16, AttentionWay::kProducts};
constexpr VisionAttention kAllAttentions[] = {
    VisionAttention::kPlain, VisionAttention::kSurgery, VisionAttention::kMaskClip,
    VisionAttention::kSclip, VisionAttention::kNaclip,  VisionAttention::kClearClip};

class Bf16Autocast {
 public:
  Bf16Autocast() {
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCPU, true);
  }
  ~Bf16Autocast() {
    at::autocast::set_autocast_enabled(at::kCPU, false);
    at::autocast::clear_cache();
  }
};

at::Tensor waves(at::IntArrayRef shape, double step) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return (at::arange(count, at::kDouble) * step).sin().to(at::kFloat).reshape(shape);
}

double relative_error(const at::Tensor& found, const at::Tensor& exact) {
  const at::Tensor target = exact.to(at::kDouble);
  return ((found.to(at::kDouble) - target).norm() / target.norm()).item<double>();
}

class FrozenTowerTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kLayers = 8;

  static StateDict weights() {
    ClipShape shape;
    shape.vision_width = 128, shape.vision_layers = kLayers, shape.vision_heads = 2;
    shape.patch_size = 8, shape.grid = 4;
    shape.text_width = 64, shape.text_layers = 2, shape.text_heads = 1;
    shape.context = 12, shape.vocabulary = 50, shape.embed_dim = 32;
    StateDict drawn = initial_clip_weights(shape, /*seed=*/3);
    for (auto& [name, tensor] : drawn) {
      if (name.ends_with("bias")) tensor.copy_(waves(tensor.sizes(), 0.73) * 0.3);
    }
    return drawn;
  }
  static at::Tensor tokens() {
    return at::tensor({48, 5, 49, 0, 0, 0, 48, 7, 8, 9, 3, 49}, at::kLong).view({2, 6});
  }
  /// All that the towers give, by any way through the blocks.
  std::vector<at::Tensor> outputs() const {
    std::vector<at::Tensor> all = {vision_.encode_pooled(images_), text_.encode(tokens()),
                                   text_.encode_sequence(tokens())};
    for (const VisionAttention attention : kAllAttentions) {
      all.push_back(vision_.encode(images_, attention));
      all.push_back(vision_.encode_patches(images_, attention));
    }
    return all;
  }
  void freeze(const FrozenForm& form) {
    vision_.freeze(form);
    text_.freeze(form);
  }
  static void expect_equal(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(at::equal(a[i], b[i])) << i;
  }

  const at::NoGradGuard no_grad_;
  VisionTower vision_ = VisionTower::create(weights()).value();
  TextTower text_ = TextTower::create(weights()).value();
  at::Tensor images_ = waves({2, 3, 80, 64}, 0.37);  // 81 tokens
};

TEST_F(FrozenTowerTest, Fp32_KeepsEveryBit) {
  const auto before = outputs();
  freeze(kFp32);
  expect_equal(outputs(), before);
}

TEST_F(FrozenTowerTest, Bf16_KeepsEveryBitOfAutocast) {
  const Bf16Autocast autocast;
  const auto before = outputs();
  freeze(kBf16);
  expect_equal(outputs(), before);
}

TEST_F(FrozenTowerTest, OtherPrecisionThanFrozenFor_IsComputedAsEver) {
  const auto before = outputs();
  freeze(kBf16Products);
  expect_equal(outputs(), before);
  freeze(kFp32);
  std::vector<at::Tensor> half;
  {
    const Bf16Autocast autocast;
    half = outputs();
  }
  EXPECT_FALSE(at::equal(half[0], before[0]));
  const Bf16Autocast autocast;
  freeze(kBf16);
  expect_equal(outputs(), half);
}

TEST_F(FrozenTowerTest, Moved_IsFrozenAnew) {
  const auto before = outputs();
  freeze(kFp32);
  vision_.to(at::kCPU);
  text_.to(at::kCPU);
  expect_equal(outputs(), before);
}

// A block rounds what it adds to the fp32 sequence some six times: independent errors of n blocks
// come to √(6n) roundings, of which the bound allows twice as many.
TEST_F(FrozenTowerTest, Bf16_StaysWithinItsRounding) {
  const double bound = 2 * std::sqrt(6.0 * kLayers) * kBf16Rounding;
  for (const VisionAttention attention : {VisionAttention::kPlain, VisionAttention::kSurgery}) {
    const at::Tensor exact = vision_.encode_patches(images_, attention);
    for (const FrozenForm& form : {kBf16, kBf16Products}) {
      vision_.freeze(form);
      const Bf16Autocast autocast;
      const double error = relative_error(vision_.encode_patches(images_, attention), exact);
      EXPECT_LE(error, bound);
      EXPECT_GE(error, kBf16Rounding / 8) << "was it bf16?";
    }
  }
}

TEST_F(FrozenTowerTest, AttentionByProducts_IsTakenInBf16Alone) {
  vision_.freeze(kBf16);
  const at::Tensor exact = vision_.encode_patches(images_, VisionAttention::kSurgery);
  at::Tensor fused;
  {
    const Bf16Autocast autocast;
    fused = vision_.encode_patches(images_, VisionAttention::kSurgery);
  }
  vision_.freeze(kBf16Products);
  EXPECT_TRUE(at::equal(vision_.encode_patches(images_, VisionAttention::kSurgery), exact));
  const Bf16Autocast autocast;
  EXPECT_FALSE(at::equal(vision_.encode_patches(images_, VisionAttention::kSurgery), fused));
}

TEST_F(FrozenTowerTest, Patches_AreThoseOfTheWholeSequence) {
  for (const VisionAttention attention : kAllAttentions) {
    const at::Tensor expected = vision_.encode(images_, attention).slice(1, 1);
    EXPECT_TRUE(at::allclose(vision_.encode_patches(images_, attention), expected, 1e-5, 1e-6));
  }
}

TEST_F(FrozenTowerTest, ChangedWeight_IsRefused) {
  vision_.freeze(kFp32);
  for (const Parameter& parameter : vision_.parameters()) {
    if (parameter.name.ends_with("3.mlp.c_proj.weight")) parameter.tensor.mul_(2);
  }
  EXPECT_DEATH((void)vision_.encode_pooled(images_), "frozen weights stay as they are");
  vision_.freeze(kFp32);
  (void)vision_.encode_pooled(images_);
}

TEST_F(FrozenTowerTest, TrainedWeight_IsRefused) {
  text_.parameters().back().tensor.set_requires_grad(true);  // of ln_final, which is not frozen
  text_.freeze(kFp32);
  for (const Parameter& parameter : text_.parameters()) parameter.tensor.set_requires_grad(true);
  EXPECT_DEATH((void)text_.encode(tokens()), "frozen weights take no gradient");
  EXPECT_DEATH(text_.freeze(kFp32), "frozen weights take no gradient");
}

TEST_F(FrozenTowerTest, Gradients_PassThroughToTheImages) {
  const at::AutoGradMode grad(true);
  const auto gradient = [&] {
    const at::Tensor images = images_.clone().set_requires_grad(true);
    vision_.encode_pooled(images).square().mean().backward();
    return images.grad().clone();
  };
  const at::Tensor before = gradient();
  freeze(kFp32);
  EXPECT_TRUE(at::equal(gradient(), before));
  EXPECT_GT(before.abs().max().item<double>(), 0.0);
}

class AttendTest : public ::testing::Test {
 protected:
  /// Heads as a block cuts them out of one projection, of rows that hardly depend on each other:
  /// [2, 3, 100, 16] fp32.
  static at::Tensor heads(double step) {
    const at::Tensor packed = at::sin(waves({2, 100, 3 * 16}, step) * 1e4) * 2;
    return packed.unflatten(-1, {3, 16}).transpose(1, 2);
  }
  static at::Tensor exact(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    const at::Tensor logits = at::matmul(q.to(at::kDouble) / 4, k.to(at::kDouble).transpose(2, 3));
    return at::matmul(at::softmax(logits, -1), v.to(at::kDouble));
  }
  static at::Tensor half(const at::Tensor& t) { return t.to(at::kBFloat16); }
  at::Tensor exact_q_ = heads(0.37), exact_k_ = heads(0.41), exact_v_ = heads(0.53);
  at::Tensor q_ = half(exact_q_), k_ = half(exact_k_), v_ = half(exact_v_);
};

// Errors of q, k and v average out over the 16 entries of a logit, the rounding of the logit does
// not: about twice the error is seen.
TEST_F(AttendTest, Products_ErrNotMuchMoreThanFused) {
  for (const auto& [inputs, rounded] :
       {std::pair{std::array{exact_q_, exact_k_, exact_v_}, std::array{q_, k_, v_}},
        std::pair{std::array{exact_v_, exact_v_, exact_v_}, std::array{v_, v_, v_}}}) {
    const at::Tensor expected = exact(inputs[0], inputs[1], inputs[2]);
    const auto& [q, k, v] = rounded;
    const at::Tensor fused = attend(q, k, v, AttentionWay::kFused);
    const at::Tensor products = attend(q, k, v, AttentionWay::kProducts);
    ASSERT_EQ(products.sizes(), expected.sizes());
    EXPECT_FALSE(at::equal(fused, products)) << "one way for both";
    EXPECT_LE(relative_error(fused, expected), 4 * kBf16Rounding);
    EXPECT_LE(relative_error(products, expected), 3 * relative_error(fused, expected));
  }
}

TEST_F(AttendTest, WhatProductsDoNotTake_IsFused) {
  const auto equal = [](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                        const AttentionLimits& limits) {
    return at::equal(attend(q, k, v, AttentionWay::kProducts, limits),
                     attend(q, k, v, AttentionWay::kFused, limits));
  };
  EXPECT_FALSE(equal(q_, k_, v_, {}));
  EXPECT_TRUE(equal(q_, k_, v_, {.causal = true}));
  const at::Tensor allowed = (at::arange(100) < 70).view({1, 1, 1, 100});
  EXPECT_TRUE(equal(q_, k_, v_, {.allowed = allowed}));
  const auto few = [](const at::Tensor& t) { return t.narrow(2, 0, kTokensMin - 1); };
  EXPECT_TRUE(equal(q_, few(k_), few(v_), {}));
  EXPECT_TRUE(equal(q_.to(at::kFloat), k_.to(at::kFloat), v_.to(at::kFloat), {}));
  EXPECT_TRUE(equal(q_.clone().set_requires_grad(true), k_, v_, {}));
}

TEST(PreferredAttention, Fp32AndGpus_StayFused) {
  EXPECT_EQ(preferred_attention(at::kFloat, at::kCPU), AttentionWay::kFused);
  EXPECT_EQ(preferred_attention(at::kBFloat16, at::kCUDA), AttentionWay::kFused);
  EXPECT_EQ(preferred_attention(at::kHalf, at::kCPU), AttentionWay::kFused);
}

// Near 256 bf16 knows even numbers only: a mean kept in it would be off by as much as rows deviate.
TEST(LayerNorm, Bf16Input_HasStatisticsInFp32) {
  constexpr std::int64_t kWidth = 768;
  const at::Tensor x =
      (at::arange(4 * kWidth).remainder(3) * 2 + 256).view({4, kWidth}).to(at::kBFloat16);
  const LayerNormWeights norm{waves({kWidth}, 0.3) + 2, waves({kWidth}, 0.7)};
  const at::Tensor found = norm.forward(x);
  ASSERT_EQ(found.scalar_type(), at::kBFloat16);
  const at::Tensor exact = at::layer_norm(x.to(at::kDouble), {kWidth}, norm.weight.to(at::kDouble),
                                          norm.bias.to(at::kDouble), 1e-5);
  EXPECT_LE((found - exact).abs().max().item<double>(), 5 * kBf16Rounding);
}

TEST(LayerNorm, Bf16Input_PassesGradientsOn) {
  const at::Tensor weight = (waves({64}, 0.3) + 2).set_requires_grad(true);
  const at::Tensor bias = waves({64}, 0.7).set_requires_grad(true);
  const at::Tensor x = waves({5, 64}, 0.37).to(at::kBFloat16).set_requires_grad(true);
  LayerNormWeights{weight, bias}.forward(x).to(at::kFloat).square().sum().backward();
  ASSERT_TRUE(weight.grad().defined() && bias.grad().defined() && x.grad().defined());
  EXPECT_EQ(weight.grad().scalar_type(), at::kFloat);
  const at::Tensor exact = x.detach().to(at::kDouble).set_requires_grad(true);
  at::layer_norm(exact, {64}, weight.detach().to(at::kDouble), bias.detach().to(at::kDouble), 1e-5)
      .square()
      .sum()
      .backward();
  EXPECT_LE(relative_error(x.grad(), exact.grad()), 4 * kBf16Rounding);
}

}  // namespace
}  // namespace tagalign::model
