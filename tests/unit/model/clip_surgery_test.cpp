#include "model/methods/clip_surgery/clip_surgery.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <cmath>

#include "model/inference/kernels/predict.h"
#include "model/inference/segmentation.h"
#include "model/methods/clip_surgery/points.h"
#include "model/methods/clip_surgery/scorer.h"
#include "model/methods/clip_surgery/surgery.h"
#include "model/training/losses.h"

namespace tagalign::model {
namespace {

using config::ClipSurgeryEvaluation;
using config::SurgeryArgmax;
using config::SurgeryRanking;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// ---------------------------------------------------------------- feature surgery

TEST(FeatureSurgery, TwoTexts_FollowsTheFormula) {
  const double a = 0.3, b = -0.1, c = 0.2, d = 0.5;  // CLS and a patch with both texts
  const double p = std::exp(2 * a) / (std::exp(2 * a) + std::exp(2 * b));
  const double left = 2 * p * c, right = 2 * (1 - p) * d, mean = (left + right) / 2;
  const at::Tensor found = feature_surgery(at::tensor({a, b, c, d}).view({1, 2, 2}));
  EXPECT_NEAR(found[0][1][0].item<double>(), left - mean, 1e-12);
  EXPECT_NEAR(found[0][1][1].item<double>(), right - mean, 1e-12);
}

TEST(FeatureSurgery, OneText_IsZero) {
  EXPECT_EQ(feature_surgery(at::tensor({0.4, 0.1, 0.7}).view({1, 3, 1})).abs().max().item<double>(),
            0.0);
}

TEST(FeatureSurgery, TwoImages_AreApart) {
  const at::Tensor both = at::sin(at::arange(24, at::kFloat)).view({2, 4, 3});
  const at::Tensor second = feature_surgery(both.slice(0, 1));
  EXPECT_TRUE(at::allclose(feature_surgery(both).slice(0, 1), second));
}

TEST(UnitMaps, ConstantMap_IsZero_OthersReachBothEnds) {
  const at::Tensor maps =
      unit_maps(at::stack({at::full({4}, 0.3F), at::tensor({1.F, 3.F, 2.F, 5.F})}, 1));
  EXPECT_TRUE(at::allclose(maps.select(1, 0), at::zeros({4})));
  EXPECT_TRUE(at::allclose(maps.select(1, 1), at::tensor({0.F, 0.5F, 0.25F, 1.F})));
}

// ---------------------------------------------------------------- points

constexpr ImageSize kImage{.height = 40, .width = 80};

at::Tensor ascending() {
  return at::arange(16, at::kFloat);  // of 4×4 patches
}

TEST(Points, CellsAboveTheThreshold_ComeFirst_ThenAsManyOfTheLowest) {
  const auto points = point_prompts(ascending(), kImage, {.threshold = 0.9, .shrink = 1});
  EXPECT_THAT(points, ElementsAre(PointPrompt{50, 35, true}, PointPrompt{70, 35, true},
                                  PointPrompt{10, 5, false}, PointPrompt{30, 5, false}));
}

TEST(Points, MoreThanHalfAboveTheThreshold_HalfAreKept) {
  EXPECT_THAT(point_prompts(ascending(), kImage, {.threshold = 0.0, .shrink = 1}), SizeIs(16));
}

TEST(Points, Shrunk_AreMiddlesOfLargerCells) {
  const auto points = point_prompts(ascending(), kImage, {.threshold = 0.9, .shrink = 2});
  EXPECT_THAT(points, ElementsAre(PointPrompt{60, 30, true}, PointPrompt{20, 10, false}));
}

TEST(Points, NothingToChooseFrom_AreNone) {
  EXPECT_THAT(point_prompts(at::full({16}, 0.2F), kImage, {}), IsEmpty());
  EXPECT_THAT(point_prompts(ascending(), kImage, {.shrink = 9}), IsEmpty());  // a single cell
}

TEST(Points, ClassOfTwoTexts_IsOutsideWhereTheirMeanIs_AndInsideWhereEachIs) {
  const at::Tensor other = at::cat({at::full({1}, 20.F), ascending().slice(0, 1)});
  const auto points = class_point_prompts(at::stack({ascending(), other}, 1), kImage,
                                          {.threshold = 0.95, .shrink = 1});
  EXPECT_THAT(points, ElementsAre(PointPrompt{30, 5, false}, PointPrompt{70, 35, true},
                                  PointPrompt{10, 5, true}));
}

// ---------------------------------------------------------------- scorer

class SurgeryScorerTest : public ::testing::Test {
 protected:
  static ClipShape shape() {
    return {.vision_width = 64,
            .vision_layers = 7,
            .vision_heads = 1,
            .patch_size = 8,
            .grid = 3,
            .text_width = 64,
            .text_layers = 1,
            .text_heads = 1,
            .context = 8,
            .vocabulary = 16,
            .embed_dim = 16};
  }
  static at::Tensor wave(at::IntArrayRef sizes, double frequency) {
    std::int64_t count = 1;
    for (const std::int64_t size : sizes) count *= size;
    return at::sin(at::arange(count, at::kFloat) * frequency).reshape(sizes);
  }

  /// Texts of these classes, and the empty one.
  std::unique_ptr<DenseScorer> scorer(const std::vector<std::int64_t>& class_of,
                                      const ClipSurgeryEvaluation& section = {}) const {
    return clip_surgery_scorer(vision_, {rows(std::ssize(class_of)), class_of}, section, nullptr);
  }
  static at::Tensor rows(std::int64_t texts) {
    return normalize_features(wave({texts + 1, 16}, 0.7));
  }
  at::Tensor map_of(const DenseScorer& scorer) const {
    const std::vector<ScoreVariant> only(1);
    return scorer.maps(image_.unsqueeze(0), only).front().scores[0];  // [C, 4, 4]
  }
  at::Tensor scores_of(const DenseScorer& scorer, std::optional<double> threshold = {}) const {
    const Segmenter segmenter(
        scorer, {.background = threshold.has_value(), .window = 8192, .stride = 8192});
    SegmentationSweep sweep{{1.0}, {}};
    if (threshold) sweep.background_thresholds = {*threshold};
    at::Tensor all;
    segmenter.sweep_scores(image_, {20, 30}, sweep,
                           [&](std::size_t, const at::Tensor& scores) { all = scores; });
    return all;
  }

  VisionTower vision_ = VisionTower::create(initial_clip_weights(shape(), 5)).value();
  at::Tensor image_ = wave({3, 32, 32}, 0.37);
};

TEST_F(SurgeryScorerTest, ArgmaxCosine_IsTheCosine_OfPatchesOnABilinearGrid) {
  const at::Tensor features = surgery_features(vision_, image_.unsqueeze(0));  // [1, 17, 16]
  const at::Tensor expected = features[0].slice(0, 1).matmul(rows(3).slice(0, 0, 3).t());
  EXPECT_TRUE(at::allclose(map_of(*scorer({0, 1, 2})), expected.t().reshape({3, 4, 4}), 0, 1e-6));
}

TEST_F(SurgeryScorerTest, ArgmaxSurgery_HasNothingInCommon) {
  const at::Tensor map = map_of(*scorer({0, 1, 2}, {.argmax = SurgeryArgmax::kSurgery}));
  EXPECT_LT(map.sum(0).abs().max().item<double>(), 1e-6);
  EXPECT_GT(map.abs().max().item<double>(), 1e-4);
}

TEST_F(SurgeryScorerTest, OneClass_LosesWhatTheEmptyTextHas) {
  const auto one = scorer({0}, {.argmax = SurgeryArgmax::kSurgery});
  const at::Tensor cosines =
      surgery_features(vision_, image_.unsqueeze(0))[0].slice(0, 1).matmul(rows(1).t());  // [16, 2]
  const at::Tensor expected = (cosines.select(1, 0) - cosines.select(1, 1)).reshape({1, 4, 4});
  EXPECT_TRUE(at::allclose(map_of(*one), expected, 0, 1e-6));
}

TEST_F(SurgeryScorerTest, TextsOfAClass_GiveItTheirHighest) {
  const at::Tensor apart = scores_of(*scorer({0, 1, 2}));
  const auto joined = scorer({0, 0, 1});
  EXPECT_EQ(joined->channels(), 3);
  EXPECT_EQ(joined->classes(), 2);
  const at::Tensor together = scores_of(*joined);  // [2, 20, 30]
  EXPECT_TRUE(at::equal(together[0], apart.slice(0, 0, 2).amax(0)));
  EXPECT_TRUE(at::equal(together[1], apart[2]));
}

TEST_F(SurgeryScorerTest, Background_WinsWhereNoCosineReachesIt) {
  const auto two = scorer({0, 0, 1});
  EXPECT_EQ(predict_labels(scores_of(*two, 2.0), two->label_rule()).max().item<int>(), 0);
  EXPECT_EQ(predict_labels(scores_of(*two, -2.0), two->label_rule()).min().item<int>(), 1);
  EXPECT_THAT(two->score_finish()->image_scores(image_, scores_of(*two, 0.1)).sizes(),
              ElementsAre(3));
}

TEST_F(SurgeryScorerTest, RankingSoftmax_SumsToOne_RankingSurgeryToZero) {
  const at::Tensor none = at::zeros({3, 1, 1});
  const auto softmax = scorer({0, 1, 2}, {.ranking = SurgeryRanking::kSoftmax});
  EXPECT_NEAR(softmax->score_finish()->image_scores(image_, none).sum().item<double>(), 1.0, 1e-5);
  EXPECT_NEAR(scorer({0, 1, 2})->score_finish()->image_scores(image_, none).sum().item<double>(),
              0.0, 1e-6);
}

TEST_F(SurgeryScorerTest, Evidence_IsAMapAndPointsOfEachClass) {
  const auto evidence = scorer({0, 0, 1}, {.point_shrink = 1})->evidence(image_, {20, 30});
  ASSERT_TRUE(evidence.has_value());
  EXPECT_THAT(evidence->maps.sizes(), ElementsAre(2, 20, 30));
  EXPECT_GE(evidence->maps.min().item<double>(), 0.0);
  EXPECT_LE(evidence->maps.max().item<double>(), 1.0);
  ASSERT_THAT(evidence->points, SizeIs(2));
  for (const auto& points : evidence->points) {
    EXPECT_FALSE(points.empty());
    for (const auto& [x, y, inside] : points) {
      EXPECT_LT(x, 30);
      EXPECT_LT(y, 20);
    }
  }
}

}  // namespace
}  // namespace tagalign::model
