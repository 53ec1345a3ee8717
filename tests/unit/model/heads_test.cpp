// The training-free heads: their last block, and what their protocol makes of cosines. Numbers of
// the authors' code are compared by golden_check.
#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>

#include <cmath>

#include "model/clip/last_block.h"
#include "model/clip/towers.h"
#include "model/methods/heads/queries.h"
#include "model/methods/heads/scorer.h"
#include "tests/support/tiny_models.h"

namespace tagalign::model {
namespace {

using ::testing::ElementsAre;

/// A CLIP of 8-pixel patches.
VisionTower small_tower() {
  auto tower = VisionTower::create(initial_clip_weights(tiny_clip(2), 5));
  TA_CHECK(tower.ok(), tower.status().message());
  return std::move(tower).value();
}

at::Tensor wave(at::IntArrayRef shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return at::sin(at::arange(count, at::kFloat) * 0.7).reshape(shape);
}

/// [N, 1, P]: a row a class.
at::Tensor planes(std::vector<float> values, std::int64_t classes) {
  return at::tensor(values).view({classes, 1, -1});
}

class LastBlockTest : public ::testing::Test {
 protected:
  at::Tensor weights(TokenWeights how) {
    return token_weights(tower_.last_block(), tokens_, {2, 4}, {.weights = how});
  }
  VisionTower tower_ = small_tower();
  at::Tensor tokens_ = wave({2, 9, 64});
};

TEST_F(LastBlockTest, RowsOfTheWeights_AddUpToOne_AndToTwoForSclip) {
  for (const TokenWeights how :
       {TokenWeights::kQueryKey, TokenWeights::kIdentity, TokenWeights::kKeyNeighbours,
        TokenWeights::kKey, TokenWeights::kNeighbours, TokenWeights::kQuery}) {
    EXPECT_TRUE(at::allclose(weights(how).sum(-1), at::ones({2, 1, 9})));
  }
  EXPECT_TRUE(at::allclose(weights(TokenWeights::kQueryPlusKey).sum(-1), at::ones({2, 1, 9}) * 2));
}

TEST_F(LastBlockTest, ShortCuts_EqualTheWeightsThatTheyReplace) {
  const ResidualBlock& block = tower_.last_block();
  for (const bool reduced : {false, true}) {
    for (const TokenWeights how : {TokenWeights::kQueryKey, TokenWeights::kIdentity}) {
      const at::Tensor found =
          forward_last(block, tokens_, {2, 4}, {.weights = how, .reduced = reduced});
      const at::Tensor expected = apply_weights(block, tokens_, weights(how), reduced);
      EXPECT_TRUE(at::allclose(found, expected, 1e-5, 1e-5));
    }
  }
}

TEST_F(LastBlockTest, AnImage_DoesNotDependOnItsBatch) {
  for (const TokenWeights how : {TokenWeights::kNeighbours, TokenWeights::kKeyNeighbours}) {
    const at::Tensor alone =
        token_weights(tower_.last_block(), tokens_.narrow(0, 1, 1), {2, 4}, {.weights = how});
    EXPECT_TRUE(at::allclose(alone, weights(how).narrow(0, 1, 1)));
  }
}

TEST(NeighbourWeights, FallWithTheDistance_AndLeaveClsOut) {
  const at::Tensor omega = neighbour_weights({2, 3}, 2.0, at::ones({1}));
  EXPECT_EQ(omega.size(0), 7);
  EXPECT_EQ(omega[0].abs().sum().item<float>(), 0);
  EXPECT_EQ(omega.select(1, 0).abs().sum().item<float>(), 0);
  EXPECT_EQ(omega[1][1].item<float>(), 1);
  EXPECT_NEAR(omega[1][2].item<float>(), std::exp(-1.0 / 8), 1e-6);
  EXPECT_NEAR(omega[1][6].item<float>(), std::exp(-5.0 / 8), 1e-6) << "one row and two columns";
}

TEST(SplitNames, CutsAtTheSeparator_AndKeepsBlanksAndEmptyNames) {
  const QueryNames found = split_names({"sky", "a, b,c", "", "d, "}, ", ");
  EXPECT_THAT(found.names, ElementsAre("sky", "a", "b,c", "", "d", ""));
  EXPECT_THAT(found.class_of, ElementsAre(0, 1, 1, 2, 3, 3));
  EXPECT_THAT(split_names({"a, b"}, "").names, ElementsAre("a, b"));
}

TEST(ClassValues, AreTheBestQuerysShare_NotTheSum) {
  const at::Tensor cosines = planes({0, 0, std::log(2.0F)}, 3);
  const at::Tensor values = class_values(cosines, {0, 0, 1}, 1.0);
  EXPECT_TRUE(at::allclose(values.flatten(), at::tensor({0.25F, 0.5F})));
  EXPECT_TRUE(
      at::allclose(class_values(cosines, {}, 1.0).flatten(), at::tensor({0.25F, 0.25F, 0.5F})));
}

TEST(ClassValues, QueriesOutOfOrder_AreAnErrorOfTheCaller) {
  EXPECT_DEATH(class_values(planes({0, 0}, 2), {1, 0}, 1.0), "order of their classes");
  EXPECT_DEATH(class_values(planes({0, 0}, 2), {0}, 1.0), "class of each query");
}

TEST(SmallClasses, LoseTheirValues_ButTheFirstNever) {
  // Winners: 0, 1, 1, 1, 2. Of the four foreground pixels class 2 has a quarter.
  const at::Tensor values = planes({.9F, .1F, .1F, .1F, .1F,  //
                                    .1F, .8F, .8F, .8F, .2F,  //
                                    .0F, .1F, .1F, .1F, .7F},
                                   3);
  const at::Tensor at_share = without_small_classes(values, 0.25);
  EXPECT_EQ(at_share[2].abs().sum().item<float>(), 0) << "no more than the share";
  EXPECT_TRUE(at_share.narrow(0, 0, 2).equal(values.narrow(0, 0, 2)));
  EXPECT_TRUE(without_small_classes(values, 0.2).equal(values));
}

TEST(Background, NoClassReachesTheThreshold_TakesThePixel) {
  const at::Tensor found = with_background(planes({.1F, .1F, .3F, .5F}, 2), 0.5);
  EXPECT_GT(found[0][0][0].item<float>(), 1);
  EXPECT_FLOAT_EQ(found[0][0][1].item<float>(), 0.1F) << "at the threshold a class stays";
}

}  // namespace
}  // namespace tagalign::model
