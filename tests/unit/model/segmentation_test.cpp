#include "model/inference/segmentation.h"

#include <ATen/TensorOperators.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include "model/inference/kernels/predict.h"
#include "model/inference/segmentation_counts.h"
#include "model/methods/method.h"
#include "model/methods/tagalign/tagalign.h"
#include "model/training/losses.h"
#include "tests/support/tiny_models.h"

namespace tagalign::model {
namespace {

template <class T>
T unwrap(Result<T> result) {
  TA_CHECK(result.ok(), result.status().message());
  return std::move(result).value();
}

VisionTower small_tower() {
  return unwrap(VisionTower::create(initial_clip_weights(tiny_clip(7), 5)));
}

/// Some smooth values, the same everywhere.
at::Tensor wave(at::IntArrayRef shape, double frequency) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return at::sin(at::arange(count, at::kFloat) * frequency).reshape(shape);
}

SegmentationOptions small_options() {
  SegmentationOptions options;
  options.window = 24;
  options.stride = 16;
  return options;
}

class SegmenterTest : public ::testing::Test {
 protected:
  /// So that the trained map differs from the frozen one.
  void bend_projector() {
    for (const Parameter& p : projector_->parameters()) {
      if (p.name.ends_with("clip_proj.proj")) p.tensor.detach().mul_(wave({64, 16}, 0.9));
    }
  }
  std::unique_ptr<DenseScorer> frozen(config::Protocol protocol = config::Protocol::kV1) {
    const config::ClipEvaluation config{.scores = {.protocol = protocol}};
    const Method* method = unwrap(find_method("clip"));
    return unwrap(method->dense_model(materials_, {}, config))->scorer({text_}, {});
  }
  std::unique_ptr<DenseScorer> trained() {
    return make_tagalign_model(materials_, projector_, {})->scorer({text_}, {});
  }
  /// Every combination's scores at the image's own size, or at `size`.
  static std::vector<at::Tensor> sweep(const DenseScorer& scorer, SegmentationOptions options,
                                       const at::Tensor& image, const SegmentationSweep& sweep,
                                       ImageSize size = {}) {
    std::vector<at::Tensor> all;
    if (size.height == 0) size = {image.size(1), image.size(2)};
    Segmenter(scorer, options)
        .sweep_scores(image, size, sweep, [&](std::size_t combination, const at::Tensor& scores) {
          EXPECT_EQ(combination, all.size());
          all.push_back(scores.clone());
        });
    return all;
  }
  at::Tensor scores(const DenseScorer& scorer, const at::Tensor& image, double mix = 0.3) {
    return sweep(scorer, small_options(), image, {{mix}, {}}).at(0);
  }

  VisionTower tower_ = small_tower();
  TextTower text_tower_ = unwrap(TextTower::create(initial_clip_weights(tiny_clip(7), 5)));
  Materials materials_{.vision = &tower_, .text = &text_tower_};
  std::shared_ptr<Projector> projector_ =
      make_projector({ProjectorKind::kGDecoder, 2, 64}, tower_.projection(), 9);
  at::Tensor text_ = wave({5, 16}, 1.7);
};

TEST(SlidingWindows, LastOne_IsShiftedInward_RowMajor) {
  const std::vector<Window> windows = sliding_windows(24, 45, 24, 16);
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_EQ(windows[1].x, 16);
  EXPECT_EQ(windows[2].x, 21);
  EXPECT_EQ(windows[2].y, 0);
  EXPECT_EQ(windows[2].width, 24);
}

TEST(SlidingWindows, ExactMultiple_HasNoExtraWindow) {
  EXPECT_EQ(sliding_windows(40, 24, 24, 16).size(), 2u);
  EXPECT_EQ(sliding_windows(128, 171, 64, 32).size(), 15u);
}

TEST(SlidingWindows, SmallImage_ShrinksTheWindowOnThatAxis) {
  const std::vector<Window> windows = sliding_windows(10, 40, 24, 16);
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[1].height, 10);
  EXPECT_EQ(windows[1].width, 24);
  EXPECT_EQ(windows[1].x, 16);
}

TEST_F(SegmenterTest, SeveralWindowsAPass_TheirBitsDoNotDependOnHowManyThereAre) {
  const auto scorer = trained();
  const at::Tensor wide = wave({3, 24, 24 + 5 * 16}, 0.37);
  SegmentationOptions options = small_options();
  const at::Tensor single = sweep(*scorer, options, wide, {{0.3}, {}}).at(0);
  options.windows_per_pass = 4;
  const at::Tensor six = sweep(*scorer, options, wide, {{0.3}, {}}).at(0);
  EXPECT_TRUE(at::allclose(six, single, 0, 1e-5));
  for (const std::int64_t windows : {1, 2, 3, 4, 5}) {
    const at::Tensor part = wide.narrow(2, 0, 24 + (windows - 1) * 16);
    const at::Tensor found = sweep(*scorer, options, part, {{0.3}, {}}).at(0);
    // Where only the first window lies.
    EXPECT_TRUE(at::equal(found.narrow(2, 0, 16), six.narrow(2, 0, 16))) << windows;
  }
}

TEST_F(SegmenterTest, OneWindow_FrozenBaseline_EqualsTheFormula) {
  const at::Tensor window = wave({1, 3, 24, 24}, 0.37);
  const at::Tensor tokens = tower_.encode(window, VisionAttention::kSurgery).slice(1, 1);
  const at::Tensor features = normalize_features(tower_.projection().forward(tokens));
  const at::Tensor map = at::sigmoid(features.matmul(normalize_features(text_).t()) * 10.0 - 2.5);
  const at::Tensor expected = at::upsample_bilinear2d(map.transpose(1, 2).reshape({1, 5, 3, 3}),
                                                      {24, 24}, /*align_corners=*/false);
  EXPECT_LE((scores(*frozen(), window[0]) - expected[0]).abs().max().item<double>(), 1e-6);
}

TEST_F(SegmenterTest, OneWindow_Mix_IsBetweenTrainedAndFrozen) {
  const at::Tensor window = wave({3, 24, 24}, 0.37);
  bend_projector();
  const auto mixed = trained();
  const at::Tensor own = scores(*mixed, window, 0.0), clip = scores(*mixed, window, 1.0);
  EXPECT_GT((own - clip).abs().max().item<double>(), 1e-3);
  const at::Tensor quarter = scores(*mixed, window, 0.25);
  EXPECT_LE((quarter - (own * 0.75 + clip * 0.25)).abs().max().item<double>(), 1e-6);
  EXPECT_TRUE(scores(*frozen(), window, 0.25).equal(clip));
}

TEST_F(SegmenterTest, Background_IsAConstantFirstChannel) {
  SegmentationOptions options = small_options();
  options.background = true;
  const auto scorer = frozen();
  EXPECT_EQ(Segmenter(*scorer, options).channels(), 6);
  const auto all = sweep(*scorer, options, wave({3, 24, 40}, 0.37), {{0.3}, {0.125}});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].sizes(), at::IntArrayRef({6, 24, 40}));
  EXPECT_TRUE(all[0][0].eq(0.125).all().item<bool>());
}

TEST_F(SegmenterTest, RemainderBelowAPatch_IsStretchedOver) {
  SegmentationOptions options = small_options();
  options.window = 32;
  const at::Tensor wide = wave({3, 27, 31}, 0.37);
  const auto scorer = frozen();
  const at::Tensor all = sweep(*scorer, options, wide, {{0.3}, {}}).at(0);
  EXPECT_EQ(all.sizes(), at::IntArrayRef({5, 27, 31}));
  const at::Tensor cropped = scores(*scorer, wide.slice(1, 0, 24).slice(2, 0, 24));
  EXPECT_EQ(all[0][0][0].item<float>(), cropped[0][0][0].item<float>());
  EXPECT_EQ(all[0][26][30].item<float>(), cropped[0][23][23].item<float>());
}

TEST_F(SegmenterTest, SoftmaxRule_SumsToOneOverClasses) {
  const auto scorer = frozen(config::Protocol::kV3);
  const at::Tensor sums = scores(*scorer, wave({3, 24, 24}, 0.37)).sum(0);
  EXPECT_LE((sums - 1.0).abs().max().item<double>(), 1e-5);
}

TEST_F(SegmenterTest, OverlappingWindows_AreAveraged) {
  const at::Tensor image = wave({3, 24, 40}, 0.11);
  const auto scorer = frozen();
  const at::Tensor all = scores(*scorer, image);
  const at::Tensor left = scores(*scorer, image.narrow(2, 0, 24));
  const at::Tensor right = scores(*scorer, image.narrow(2, 16, 24));
  EXPECT_TRUE(all.narrow(2, 0, 16).equal(left.narrow(2, 0, 16)));
  EXPECT_TRUE(all.narrow(2, 24, 16).equal(right.narrow(2, 8, 16)));
  const at::Tensor overlap = (left.narrow(2, 16, 8) + right.narrow(2, 0, 8)) / 2.0;
  EXPECT_LE((all.narrow(2, 16, 8) - overlap).abs().max().item<double>(), 1e-7);
}

TEST_F(SegmenterTest, Scores_AreStretchedToTheOriginalSize) {
  const at::Tensor image = wave({3, 24, 40}, 0.11);
  SegmentationOptions options = small_options();
  options.background = true;
  const auto scorer = trained();
  const SegmentationSweep one{{0.3}, {0.4}};
  const at::Tensor own = sweep(*scorer, options, image, one).at(0);
  const at::Tensor stretched =
      at::upsample_bilinear2d(own.unsqueeze(0), {30, 50}, /*align_corners=*/false);
  const at::Tensor found = sweep(*scorer, options, image, one, {30, 50}).at(0);
  EXPECT_LE((found - stretched[0]).abs().max().item<double>(), 1e-7);
}

TEST_F(SegmenterTest, Sweep_EachCombination_HasTheBitsOfASweepOfItsOwn) {
  const at::Tensor image = wave({3, 26, 45}, 0.11);
  bend_projector();
  SegmentationOptions options = small_options();
  options.background = true;
  const SegmentationSweep all{{0.0, 0.3, 0.7, 1.0}, {0.1, 0.4}};
  ASSERT_EQ(all.size(), 8u);
  const auto scorer = trained();
  const auto swept = sweep(*scorer, options, image, all, {30, 50});
  ASSERT_EQ(swept.size(), all.size());
  for (std::size_t i = 0; i < swept.size(); ++i) {
    const SegmentationSweep own{{all.mixes[i / 2]}, {all.background_thresholds[i % 2]}};
    EXPECT_TRUE(swept[i].equal(sweep(*scorer, options, image, own, {30, 50}).at(0))) << i;
  }
  EXPECT_FALSE(swept[0].equal(swept[2]));
}

TEST_F(SegmenterTest, Sweep_WithoutBackground_HasOneCombinationAMix) {
  const SegmentationSweep all{{0.0, 0.5}, {}};
  EXPECT_EQ(all.size(), 2u);
  const auto swept = sweep(*trained(), small_options(), wave({3, 24, 40}, 0.11), all);
  ASSERT_EQ(swept.size(), 2u);
  EXPECT_EQ(swept[1].size(0), 5);
}

TEST_F(SegmenterTest, UnderBf16Autocast_ScoresStayFp32) {
  const auto scorer = trained();
  const at::Tensor window = wave({3, 24, 24}, 0.37);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const at::Tensor half = scores(*scorer, window);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_EQ(half.scalar_type(), at::kFloat);
  EXPECT_LE((half - scores(*scorer, window)).abs().max().item<double>(), 0.05);
}

TEST(Registry, UnknownMethod_NamesThoseThatThereAre) {
  const auto found = find_method("fcn");
  ASSERT_FALSE(found.ok());
  EXPECT_THAT(found.status().message(),
              AllOf(::testing::HasSubstr("'fcn' is not known: expected one of clip, "),
                    ::testing::HasSubstr(", tagalign, "), ::testing::HasSubstr(", tcl, ")));
}

TEST(Registry, FrozenBaseline_HasNothingToTrain) {
  EXPECT_EQ(unwrap(find_method("clip"))->objective, nullptr);
  EXPECT_NE(unwrap(find_method("tagalign"))->objective, nullptr);
}

TEST(PredictLabels, EqualScores_FirstChannelWins_WideTypeAbove256) {
  at::Tensor scores = at::full({300, 1, 3}, 0.5);
  scores[299][0][1] = 0.75;
  const at::Tensor labels = predict_labels(scores);
  EXPECT_EQ(labels.scalar_type(), at::kShort);
  EXPECT_EQ(labels[0][0].item<int>(), 0);
  EXPECT_EQ(labels[0][1].item<int>(), 299);
}

TEST(CountPredictions, Cpu_CountsArgmaxAgainstLabels) {
  const at::Tensor scores = at::zeros({3, 2, 2});
  scores[1][0][0] = 1.0;
  scores[2][1][1] = 1.0;
  SegmentationCounts counts(3);
  const std::vector<std::uint16_t> label{1, 0, 255, 9};
  count_predictions(scores, label, 255, counts);
  EXPECT_EQ(counts.intersect, (std::vector<std::uint64_t>{1, 1, 0}));
  EXPECT_EQ(counts.predicted, (std::vector<std::uint64_t>{1, 1, 1}));
  EXPECT_EQ(counts.labelled, (std::vector<std::uint64_t>{1, 1, 0}));
}

TEST(CountPredictionsDeathTest, WrongShapes_Abort_WithTheExpectation) {
  SegmentationCounts counts(3);
  const std::vector<std::uint16_t> label(3);
  EXPECT_DEATH(count_predictions(at::zeros({3, 2, 2}), label, 255, counts),
               "a label for every pixel");
  EXPECT_DEATH(count_predictions(at::zeros({4, 1, 3}), label, 255, counts),
               "counts over the channels");
}

}  // namespace
}  // namespace tagalign::model
