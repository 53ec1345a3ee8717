// ResCLIP: what it feeds back, that a window's features are its own, and what CLIPs it refuses.
// Numbers of the authors' code are compared by golden_check.
#include "model/methods/resclip/resclip.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "model/methods/resclip/encoder.h"
#include "model/training/losses.h"
#include "tests/support/tiny_models.h"

namespace tagalign::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// A smoothing that reaches no other patch.
constexpr double kNarrow = 0.05;

VisionTower tower_of(std::int64_t layers) {
  auto tower = VisionTower::create(initial_clip_weights(tiny_clip(layers), 5));
  TA_CHECK(tower.ok(), tower.status().message());
  return std::move(tower).value();
}

at::Tensor wave(at::IntArrayRef shape, double pace = 0.7) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return at::sin(at::arange(count, at::kFloat) * pace).reshape(shape);
}

at::Tensor queries(std::vector<std::int64_t> ids, std::int64_t columns) {
  return at::tensor(ids).view({-1, columns});
}

/// Row `i` of the patches, without CLS.
at::Tensor row(const at::Tensor& matrix, std::int64_t i) {
  return matrix[i + 1].slice(0, 1);
}

TEST(PatchQueries, MostPixelsDecide_AndTheSmallestOfEquals) {
  // Two patches of 2×2 pixels, and a row and a column beyond them.
  const at::Tensor shown = queries({2, 1, 0, 2, 1,  //
                                    1, 2, 2, 2, 1,  //
                                    1, 1, 1, 1, 1},
                                   5);
  const at::Tensor shares = at::eye(3).index({shown}).permute({2, 0, 1});  // [3, 3, 5]
  EXPECT_TRUE(patch_queries(shares, 2, 0.5).equal(queries({1, 2}, 2)));
}

TEST(PatchQueries, UnsurePixels_ShowTheFirstQuery) {
  const at::Tensor shares = at::tensor({0.2F, 0.3F, 0.8F, 0.7F}).view({2, 1, 2});
  EXPECT_TRUE(patch_queries(shares, 1, 0.75).equal(queries({1, 0}, 2)));
}

TEST(FeedbackMatrix, PatchesOfOneQuery_ShareARow) {
  const at::Tensor found = feedback_matrix(queries({0, 0, 1, 1}, 2), {kNarrow, false});
  EXPECT_TRUE(at::allclose(row(found, 0), at::tensor({0.5F, 0.5F, 0.0F, 0.0F})));
  EXPECT_TRUE(at::allclose(row(found, 3), at::tensor({0.0F, 0.0F, 0.5F, 0.5F})));
  EXPECT_EQ(found[0].abs().sum().item<float>(), 0) << "CLS";
  EXPECT_EQ(found.select(1, 0).abs().sum().item<float>(), 0) << "CLS";
}

TEST(FeedbackMatrix, SmoothedRows_AddUpToOne) {
  const at::Tensor found = feedback_matrix(queries({0, 1, 2, 0, 1, 1, 2, 2, 0, 3, 3, 3}, 4), {});
  EXPECT_TRUE(at::allclose(found.slice(0, 1).sum(1), at::ones({12})));
  EXPECT_GT(found[1][2].item<float>(), 0) << "its neighbour shows another query";
}

TEST(FeedbackMatrix, AnotherQueryOnTheWay_WeighsByTheDistance) {
  const at::Tensor in_line = queries({0, 1, 0, 0}, 4);
  const at::Tensor found = feedback_matrix(in_line, {kNarrow, true});
  // From patch 0 the way to patch 2 meets patch 1 at the second of four points, that to 3 too.
  const auto two = static_cast<float>(std::exp(-2.0 / 3)),
             three = static_cast<float>(std::exp(-1.0));
  EXPECT_TRUE(
      at::allclose(row(found, 0), at::tensor({1.0F, 0.0F, two, three}) / (1 + two + three)));
  EXPECT_TRUE(at::allclose(row(found, 2), at::tensor({two, 0.0F, 1.0F, 1.0F}) / (2 + two)));
  const at::Tensor kept = feedback_matrix(in_line, {kNarrow, false});
  EXPECT_TRUE(at::allclose(row(kept, 0), at::tensor({1.0F, 0.0F, 1.0F, 1.0F}) / 3));
}

TEST(FeedbackMatrix, OnePatch_AttendsToItself) {
  EXPECT_TRUE(at::allclose(row(feedback_matrix(queries({7}, 1), {}), 0), at::ones({1})));
}

class ResClipEncoderTest : public ::testing::Test {
 protected:
  ResClipEncoder encoder(const config::ResClipEvaluation& config = {}) const {
    return {tower_, config, normalize_features(wave({5, 16}, 1.3))};
  }
  const at::NoGradGuard no_grad_;
  VisionTower tower_ = tower_of(10);
  at::Tensor windows_ = wave({3, 3, 24, 40});
};

TEST_F(ResClipEncoderTest, AWindow_DoesNotDependOnItsBatch) {
  const PatchFeatures all = encoder().encode(windows_);
  EXPECT_EQ(all.grid.rows, 3);
  EXPECT_EQ(all.grid.columns, 5);
  for (std::int64_t i = 0; i < 3; ++i) {
    const at::Tensor alone = encoder().encode(windows_.narrow(0, i, 1)).rows;
    EXPECT_TRUE(alone.equal(all.rows.narrow(0, i, 1)));
  }
}

TEST_F(ResClipEncoderTest, Threads_DoNotChangeAPatch) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor one = encoder().encode(windows_).rows;
  at::set_num_threads(2);
  const at::Tensor two = encoder().encode(windows_).rows;
  at::set_num_threads(before);
  EXPECT_TRUE(at::allclose(one, two, 1e-5, 1e-5));
}

TEST_F(ResClipEncoderTest, Bf16_StaysClose) {
  const at::Tensor window = windows_.narrow(0, 0, 1);
  const at::Tensor full = encoder().attention(window);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const at::Tensor half = encoder().attention(window);
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  EXPECT_EQ(half.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::allclose(full, half, 0, 0.02));
}

TEST_F(ResClipEncoderTest, WithoutBlends_IsTheHeadItself) {
  for (const auto attention :
       {config::HeadAttention::kKeyNeighbours, config::HeadAttention::kQueryPlusKey,
        config::HeadAttention::kQuery, config::HeadAttention::kQueryKey}) {
    config::ResClipEvaluation config;
    config.rcs = config.sfr = {};
    config.settings.attention = attention;
    const at::Tensor head = last_block_encoder(tower_, config.settings)->encode(windows_).rows;
    EXPECT_TRUE(at::allclose(encoder(config).encode(windows_).rows, head, 1e-4, 1e-4));
  }
}

TEST_F(ResClipEncoderTest, EarlierBlocksAlone_AreTheMeanOfTheirAttention) {
  config::ResClipEvaluation config;
  config.rcs = {.temperature = 1.0, .weight = 1.0};
  config.blocks = {0, 8};
  const at::Tensor window = windows_.narrow(0, 0, 1);
  at::Tensor expected = at::zeros({1, 1, 16, 16});
  const auto observe = [&](std::int64_t done, const at::Tensor& x, const at::Tensor&) {
    if (done != -1 && done != 7) return;
    expected += token_weights(tower_.block(done + 1), x, tower_.grid_of(window), {}) / 2;
  };
  tower_.encode_before_last(window, PositionRule::kBicubicScale, observe);
  EXPECT_TRUE(at::allclose(encoder(config).attention(window), expected, 1e-5, 1e-6));
}

TEST_F(ResClipEncoderTest, Feedback_ChangesTheAttention) {
  config::ResClipEvaluation config;
  const at::Tensor window = windows_.narrow(0, 0, 1);
  const at::Tensor with = encoder(config).attention(window);
  config.sfr.weight = 0;
  EXPECT_FALSE(at::allclose(encoder(config).attention(window), with, 1e-3, 1e-4));
  EXPECT_TRUE(at::allclose(with.sum(-1), at::ones({1, 1, 16}) * 2)) << "the temperature of rcs";
}

Status model_error(std::int64_t layers, const config::ResClipEvaluation& config = {}) {
  const VisionTower tower = tower_of(layers);
  return resclip_model({.vision = &tower}, {}, config).status();
}

TEST(ResClipModel, TooFewBlocks_NameWhatWasExpectedAndTheKeys) {
  EXPECT_TRUE(model_error(10).ok());
  const Status shallow = model_error(9);
  EXPECT_EQ(shallow.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(shallow.message(), AllOf(HasSubstr("at least 10 blocks"), HasSubstr("5, 6, 7, 8"),
                                       HasSubstr("found 9"), HasSubstr("method.blocks"),
                                       HasSubstr("from 0 to 7"), HasSubstr("clip.weights")));
}

TEST(ResClipModel, EarlierBlocks_FitAShallowerClip) {
  config::ResClipEvaluation config;
  config.blocks = {1};
  EXPECT_TRUE(model_error(3, config).ok());
  EXPECT_FALSE(model_error(2, config).ok());
}

TEST(ResClipModel, Settings_AreThoseOfTheDataSet) {
  const VisionTower tower = tower_of(10);
  config::ResClipEvaluation config;
  config.datasets["voc"].rcs.weight = 0.25;
  const auto model = resclip_model({.vision = &tower}, {}, config).value();
  const auto rcs_on = [&](const std::string& dataset) {
    for (const MethodSetting& setting : model->settings(1.0, dataset)) {
      if (setting.subject == "rcs") return setting.value + (setting.of_method ? " of method" : "");
    }
    return std::string("none");
  };
  EXPECT_EQ(rcs_on("voc"), "2/0.25");
  EXPECT_EQ(rcs_on("other"), "2/0.4");
}

}  // namespace
}  // namespace tagalign::model
