#include "model/training/losses.h"

#include <ATen/autocast_mode.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

namespace tagalign::model {
namespace {

at::Tensor leaf(at::Tensor t) {
  t.set_requires_grad(true);
  return t;
}

TEST(NormalizeFeatures, Rows_OfAnyLength_BecomeUnitOrStayTiny) {
  const at::Tensor t = at::tensor({3.0F, 4.0F, 0.0F, 0.0F, 3e-8F, 4e-8F}).reshape({3, 2});
  const at::Tensor n = normalize_features(t);
  EXPECT_FLOAT_EQ(n[0][0].item<float>(), 0.6F);
  EXPECT_FLOAT_EQ(n[0][1].item<float>(), 0.8F);
  EXPECT_EQ(n[1].abs().sum().item<float>(), 0.0F);
  EXPECT_FLOAT_EQ(n[2][0].item<float>(), 0.03F);  // divided by 1e-6, not by its norm
}

TEST(InfonceLoss, OrthogonalPairs_OneRank_EqualsClosedForm) {
  const at::Tensor features = at::eye(3);
  const double loss =
      infonce_loss(features, features, at::scalar_tensor(std::log(2.0)), {}).item<double>();
  EXPECT_NEAR(loss, std::log(std::exp(2.0) + 2.0) - 2.0, 1e-6);
}

TEST(InfonceLoss, SecondRank_Labels_AreOffsetByItsRank) {
  // The other rank's rows repeat rank 0's identity; ours sit behind them in the gathered order.
  const at::Tensor eye = at::eye(4);
  const at::Tensor own = eye.narrow(0, 2, 2);
  const auto gather = [&](const at::Tensor&) { return at::eye(4).repeat({1, 2}); };
  const double right =
      infonce_loss(own, own, at::scalar_tensor(std::log(50.0)), {1, 2, gather}).item<double>();
  const double wrong =
      infonce_loss(own, own, at::scalar_tensor(std::log(50.0)), {0, 2, gather}).item<double>();
  EXPECT_LT(right, 1e-6);
  EXPECT_NEAR(wrong, 50.0, 1e-3);
}

TEST(InfonceLoss, Scale_AboveItsCap_GetsNoGradient) {
  const at::Tensor scale = leaf(at::scalar_tensor(5.0));
  const at::Tensor image = leaf(at::tensor({1.0F, 0.2F, 0.3F, 1.0F}).reshape({2, 2}));
  infonce_loss(image, at::eye(2), scale, {}).backward();
  EXPECT_EQ(scale.grad().item<float>(), 0.0F);
  EXPECT_GT(image.grad().abs().sum().item<float>(), 0.0F);
}

TEST(MultitagLoss, RowWithoutTags_CountsInTheMean_ButAddsNothing) {
  const at::Tensor labels = at::eye(2);
  const at::Tensor tags = at::tensor({1.0F, 0.0F, 0.0F, 0.0F}).reshape({2, 2});
  const double both =
      multitag_loss(at::eye(2), labels, tags, at::scalar_tensor(0.0)).item<double>();
  EXPECT_NEAR(both, 0.5 * (std::log(std::exp(1.0) + 1.0) - 1.0), 1e-6);
}

TEST(MultitagLoss, ProbabilityBelowClamp_Value_IsBounded_AndPullsNothing) {
  const at::Tensor image = leaf(at::tensor({1.0F, 0.1F}).reshape({1, 2}));
  const at::Tensor labels = at::tensor({1.0F, 0.0F, -1.0F, 0.0F}).reshape({2, 2});
  const at::Tensor tags = at::tensor({0.0F, 1.0F}).reshape({1, 2});
  const at::Tensor loss = multitag_loss(image, labels, tags, at::scalar_tensor(4.0));
  EXPECT_NEAR(loss.item<double>(), -std::log(1e-8), 1e-5);
  loss.backward();
  EXPECT_EQ(image.grad().abs().sum().item<float>(), 0.0F);
}

TEST(Losses, UnderBf16Autocast_Values_StayFp32) {
  const at::Tensor image = at::tensor({1.001F, 0.3007F, -0.2003F, 0.9001F}).reshape({2, 2});
  const at::Tensor text = at::tensor({0.7003F, 0.11F, 0.3F, 1.0007F}).reshape({2, 2});
  const at::Tensor tags = at::eye(2);
  const at::Tensor scale = at::scalar_tensor(2.6593);
  const at::Tensor infonce = infonce_loss(image, text, scale, {});
  const at::Tensor multitag = multitag_loss(image, text, tags, scale);

  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const at::Tensor infonce_autocast = infonce_loss(image, text, scale, {});
  const at::Tensor multitag_autocast = multitag_loss(image, text, tags, scale);
  at::autocast::set_autocast_enabled(at::kCPU, false);

  EXPECT_EQ(infonce_autocast.scalar_type(), at::kFloat);
  EXPECT_EQ(infonce_autocast.item<float>(), infonce.item<float>());
  EXPECT_EQ(multitag_autocast.item<float>(), multitag.item<float>());
}

TEST(Losses, Bf16Features_AreRaisedToFp32_BeforeAnything) {
  const at::Tensor image = at::tensor({1.0F, 0.25F, -0.5F, 1.0F}).reshape({2, 2});
  const at::Tensor loss =
      infonce_loss(image.to(at::kBFloat16), at::eye(2), at::scalar_tensor(1.0), {});
  EXPECT_EQ(loss.scalar_type(), at::kFloat);
  EXPECT_EQ(loss.item<float>(),
            infonce_loss(image, at::eye(2), at::scalar_tensor(1.0), {}).item<float>());
}

TEST(LossesDeathTest, WrongShapes_Abort_WithTheExpectation) {
  EXPECT_DEATH(multitag_loss(at::eye(2), at::eye(2), at::ones({2, 3}), at::scalar_tensor(0.0)),
               "tags \\[B, T\\]");
  EXPECT_DEATH(infonce_loss(at::eye(2), at::eye(2), at::scalar_tensor(0.0), {1, 2, nullptr}),
               "several ranks need a gather");
}

}  // namespace
}  // namespace tagalign::model
