#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "model/methods/similarity.h"
#include "model/methods/tcl/losses.h"
#include "model/methods/tcl/tcl.h"
#include "model/training/optimizer.h"

namespace tagalign::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr ClipShape kClip{.vision_width = 64,
                          .vision_layers = 3,
                          .vision_heads = 1,
                          .patch_size = 8,
                          .grid = 4,
                          .text_width = 64,
                          .text_layers = 1,
                          .text_heads = 1,
                          .context = 77,
                          .vocabulary = 64,
                          .embed_dim = 16};

VisionTower vision_tower() {
  return VisionTower::create(initial_clip_weights(kClip, 3)).value();
}

Masker fresh_masker(const VisionTower& vision, std::int64_t first_block, int layers = 2) {
  return Masker({.layers = layers, .first_block = first_block, .width = 64, .embedding = 16},
                vision, 1);
}

StateDict weights_of(const Masker& masker) {
  StateDict weights;
  for (const Parameter& p : masker.parameters()) weights[p.name] = p.tensor.detach().clone();
  return weights;
}

at::Tensor images(std::int64_t height, std::int64_t width) {
  return (at::arange(2 * 3 * height * width, at::kFloat) * 0.37).sin().view({2, 3, height, width});
}

TEST(Masker, Fresh_EnlargesMaskClipsMap) {
  const at::NoGradGuard no_grad;
  const VisionTower vision = vision_tower();
  const at::Tensor pixels = images(32, 24);
  const at::Tensor dense = vision.encode(pixels, VisionAttention::kMaskClip).slice(1, 1);
  const at::Tensor expected =
      vision.projection().forward(dense).transpose(1, 2).unflatten(2, {4, 3});
  for (const std::int64_t first_block : {1, 2, 3}) {
    const Masker masker = fresh_masker(vision, first_block);
    const at::Tensor map = masker.embed(masker.frozen_tokens(vision, pixels), {4, 3});
    EXPECT_TRUE(at::allclose(map, at::upsample_nearest2d(expected, {16, 12}), 1e-4, 1e-5))
        << first_block;
  }
}

TEST(Masker, Weights_GoThroughTheirOfficialNames) {
  const VisionTower vision = vision_tower();
  const Masker masker = fresh_masker(vision, 2, 1);
  const StateDict weights = weights_of(masker);
  EXPECT_TRUE(weights.contains(
      "masker.image_encoder.backbone.transformer.resblocks.2.attn.in_proj_weight"));
  EXPECT_TRUE(weights.contains("masker.image_encoder.decoder.decoder.net.0.conv2.gate.gate"));
  const auto shape = masker_shape_of(weights, kClip.vision_layers);
  ASSERT_TRUE(shape.ok());
  EXPECT_EQ(shape->first_block, 2);
  EXPECT_EQ(shape->layers, 1);
  const auto layout = kTclWeights.layout(weights);
  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->architecture, "masker, 1 double layer, 1 copied block, width 64");
  const auto shapes = kTclWeights.shapes(weights, nullptr);
  ASSERT_TRUE(shapes.ok());
  EXPECT_EQ(shapes->size(), weights.size());
  for (const auto& [name, tensor] : weights) EXPECT_EQ(shapes->at(name), tensor.sizes().vec());
}

TEST(Masker, WrongWeights_ChangeNothingAndAreNamed) {
  const VisionTower vision = vision_tower();
  Masker masker = fresh_masker(vision, 2);
  StateDict weights = weights_of(masker);
  weights["masker.sim2mask.w"] = at::zeros({2});
  weights.erase("masker.sim2mask.b");
  weights["masker.other"] = at::zeros({});
  const Status status = load_masker(masker, weights);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("'masker.sim2mask.b' is missing"), HasSubstr("should have shape"),
                    HasSubstr("'masker.other' is unexpected")));
  EXPECT_EQ(masker.parameters().back().tensor.item<double>(), -2.5);
}

TEST(TclNoise, Draws_DependOnStepAndImageAlone) {
  const NoiseSource noise = philox_noise(7);
  const at::Tensor all = noise({.step = 3, .images = 4, .height = 3, .width = 5});
  const at::Tensor second =
      noise({.step = 3, .first_image = 2, .images = 2, .height = 3, .width = 5});
  EXPECT_TRUE(at::equal(all.narrow(0, 2, 2), second));
  EXPECT_FALSE(at::equal(all, noise({.step = 4, .images = 4, .height = 3, .width = 5})));
  const at::Tensor many = noise({.images = 64, .height = 32, .width = 32});
  EXPECT_GT(many.min().item<double>(), 0.0);
  EXPECT_LT(many.max().item<double>(), 1.0);
  EXPECT_NEAR(many.mean().item<double>(), 0.5, 0.005);
  EXPECT_NEAR(many.var().item<double>(), 1.0 / 12, 0.002);
}

TEST(TclLosses, GumbelMasks_AreHardWithTheSoftGradient) {
  const at::Tensor logits = at::tensor({-2.0, 0.1, 3.0}).set_requires_grad(true);
  const at::Tensor noise = at::full({3}, 0.5, at::kFloat);
  const at::Tensor masks = gumbel_masks(logits, noise, 2.0);
  EXPECT_TRUE(at::allclose(masks, at::tensor({0.0, 1.0, 1.0}), 0, 1e-6));
  masks.sum().backward();
  const at::Tensor y = at::sigmoid(logits.detach() / 2.0);
  EXPECT_TRUE(at::allclose(logits.grad(), y * (1 - y) / 2.0));
}

TEST(TclLosses, TotalVariation_OfARampIsItsSlopes) {
  const at::Tensor ramp = at::arange(4, at::kFloat) * 2 + at::arange(3, at::kFloat).view({3, 1});
  EXPECT_NEAR(total_variation(ramp.view({1, 1, 3, 4})).item<double>(), 3.0, 1e-6);
}

TEST(TclLosses, BatchOfOne_HasNoOtherMasksAndStaysFinite) {
  const at::Tensor map = (at::arange(4 * 6 * 6, at::kFloat) * 0.3).sin().view({1, 4, 6, 6});
  const at::Tensor text = at::ones({1, 4});
  const auto encode = [](const at::Tensor& masked) { return masked.mean({2, 3}).repeat({1, 2}); };
  const at::Tensor masks = (map.narrow(1, 0, 1) > 0).to(at::kFloat);
  const TclLosses losses = tcl_losses({.map = map,
                                       .masks = masks,
                                       .sampled = masks,
                                       .images = at::ones({1, 2, 12, 12}),
                                       .text = text,
                                       .all_text = text,
                                       .feature_scale = at::zeros({}),
                                       .image_scale = at::zeros({}),
                                       .encode = encode},
                                      {}, {});
  EXPECT_EQ(losses.other_area.item<double>(), 0.0);
  EXPECT_TRUE(std::isfinite(losses.total().item<double>()));
}

// ------------------------------------------------------------------------------------ late start

Parameters two_parameters() {
  return {{"early", at::ones({3, 2}).set_requires_grad(true)},
          {"late", at::ones({3, 2}).set_requires_grad(true)}};
}

void step_with(AdamW& optimizer, double gradient) {
  for (const Parameter& p : optimizer.parameters())
    at::Tensor(p.tensor).mutable_grad() = at::full({3, 2}, gradient);
  optimizer.step(0.1);
}

TEST(LateParameters, AdamW_BeginsWithThemAsAFreshOne) {
  const Parameters parameters = two_parameters(), fresh = two_parameters();
  AdamW optimizer(parameters, {}, {.names = {"late"}, .first_step = 2});
  AdamW reference(fresh, {});
  for (const double gradient : {0.5, -0.25}) step_with(optimizer, gradient);
  EXPECT_TRUE(at::equal(parameters[1].tensor, at::ones({3, 2})));
  EXPECT_TRUE(at::equal(optimizer.state().at("optimizer.exp_avg.late"), at::zeros({3, 2})));
  for (const double gradient : {0.1, 0.7}) {
    step_with(optimizer, gradient);
    step_with(reference, gradient);
  }
  EXPECT_TRUE(at::equal(parameters[1].tensor, fresh[1].tensor));
  EXPECT_FALSE(at::equal(parameters[0].tensor, fresh[0].tensor));
}

TEST(LateParameters, AdamW_GoesOnFromItsStateInsideTheSecondPhase) {
  const LateParameters late{.names = {"late"}, .first_step = 2};
  const Parameters whole = two_parameters(), part = two_parameters();
  AdamW through(whole, {}, late), before(part, {}, late);
  for (const double gradient : {0.5, -0.25, 0.4}) {
    step_with(through, gradient);
    step_with(before, gradient);
  }
  AdamW after(part, {}, late);
  ASSERT_TRUE(after.load_state(before.state(), before.steps_done()).ok());
  step_with(through, 0.3);
  step_with(after, 0.3);
  for (std::size_t i : {0u, 1u}) EXPECT_TRUE(at::equal(whole[i].tensor, part[i].tensor));
}

// --------------------------------------------------------------------------------------- scoring

struct Scoring {
  VisionTower vision = vision_tower();
  std::unique_ptr<DenseModel> model;
  std::unique_ptr<DenseScorer> scorer;

  Scoring() {
    const Materials materials{.vision = &vision};
    model = make_tcl_model(materials, std::make_shared<Masker>(fresh_masker(vision, 2)), {});
    scorer = model->scorer({at::eye(4, 16)}, {});
  }
};

TEST(TclScorer, OddWindow_IsPaddedToMultiplesOfSixteen) {
  const at::NoGradGuard no_grad;
  const Scoring scoring;
  const std::vector<ScoreVariant> variants = {{.mix = 0.3}};
  const auto maps = scoring.scorer->maps(images(33, 48).narrow(0, 0, 1), variants);
  ASSERT_EQ(maps.size(), 1u);
  EXPECT_EQ(maps[0].padding.top, 7);
  EXPECT_EQ(maps[0].padding.bottom, 8);
  EXPECT_EQ(maps[0].padding.left, 0);
  EXPECT_EQ(maps[0].scores.sizes().vec(), (std::vector<std::int64_t>{1, 4, 24, 24}));
}

TEST(TclScorer, Mix_IsTheShareOfTheFrozenMap) {
  const at::NoGradGuard no_grad;
  const Scoring scoring;
  const std::vector<ScoreVariant> variants = {{.mix = 0.0}, {.mix = 0.3}, {.mix = 1.0}};
  const auto maps = scoring.scorer->maps(images(32, 32).narrow(0, 0, 1), variants);
  EXPECT_TRUE(at::allclose(maps[1].scores, maps[0].scores * 0.7 + maps[2].scores * 0.3));
}

TEST(TclModel, WeightsOfAnotherClip_AreRefusedWithBothWidths) {
  const VisionTower vision = vision_tower();
  StateDict weights = weights_of(fresh_masker(vision, 2));
  weights["masker.image_encoder.decoder.image_proj.proj"] = at::zeros({32, 16});
  const auto model = tcl_model({.vision = &vision}, weights, config::TclEvaluation{});
  ASSERT_FALSE(model.ok());
  EXPECT_THAT(model.status().message(), AllOf(HasSubstr("width 32"), HasSubstr("64 and 16")));
}

}  // namespace
}  // namespace tagalign::model
