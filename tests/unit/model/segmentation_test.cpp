#include "model/segmentation.h"

#include <ATen/TensorOperators.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/full.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include "model/kernels/predict.h"
#include "model/losses.h"

namespace tagalign::model {
namespace {

/// A CLIP of 8-pixel patches, small enough for many windows.
VisionTower small_tower() {
  ClipShape shape;
  shape.vision_width = 64;
  shape.vision_layers = 7;
  shape.vision_heads = 1;
  shape.patch_size = 8;
  shape.grid = 3;
  shape.text_width = 64;
  shape.text_layers = 1;
  shape.text_heads = 1;
  shape.context = 8;
  shape.vocabulary = 16;
  shape.embed_dim = 16;
  Result<VisionTower> tower = VisionTower::create(initial_clip_weights(shape, 5));
  TA_CHECK(tower.ok(), tower.status().message());
  return std::move(tower).value();
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
  VisionTower tower_ = small_tower();
  std::unique_ptr<Projector> projector_ =
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

TEST_F(SegmenterTest, WindowMasks_FrozenBaseline_EqualsTheFormula) {
  const at::Tensor window = wave({1, 3, 24, 24}, 0.37);
  const Segmenter segmenter(tower_, nullptr, text_, small_options());
  const at::Tensor tokens = tower_.encode(window, VisionAttention::kSurgery).slice(1, 1);
  const at::Tensor features = normalize_features(tower_.projection().forward(tokens));
  const at::Tensor map = at::sigmoid(features.matmul(normalize_features(text_).t()) * 10.0 - 2.5);
  const at::Tensor expected = at::upsample_bilinear2d(map.transpose(1, 2).reshape({1, 5, 3, 3}),
                                                      {24, 24}, /*align_corners=*/false);
  EXPECT_LE((segmenter.window_masks(window) - expected).abs().max().item<double>(), 1e-6);
}

TEST_F(SegmenterTest, WindowMasks_ClipWeight_MixesTrainedAndFrozen) {
  const at::Tensor window = wave({1, 3, 24, 24}, 0.37);
  for (const Parameter& p : projector_->parameters()) {
    if (p.name.ends_with("clip_proj.proj")) p.tensor.detach().mul_(wave({64, 16}, 0.9));
  }
  const auto masks = [&](double weight) {
    SegmentationOptions options = small_options();
    options.clip_weight = weight;
    return Segmenter(tower_, projector_.get(), text_, options).window_masks(window);
  };
  const at::Tensor trained = masks(0.0), frozen = masks(1.0);
  EXPECT_GT((trained - frozen).abs().max().item<double>(), 1e-3);
  EXPECT_LE((masks(0.25) - (trained * 0.75 + frozen * 0.25)).abs().max().item<double>(), 1e-6);
  const Segmenter baseline(tower_, nullptr, text_, small_options());
  EXPECT_TRUE(baseline.window_masks(window).equal(frozen));
}

TEST_F(SegmenterTest, WindowMasks_Background_IsAConstantFirstChannel) {
  SegmentationOptions options = small_options();
  options.background = true;
  options.background_threshold = 0.125;
  const Segmenter segmenter(tower_, nullptr, text_, options);
  EXPECT_EQ(segmenter.channels(), 6);
  const at::Tensor masks = segmenter.window_masks(wave({2, 3, 24, 24}, 0.37));
  EXPECT_EQ(masks.sizes(), at::IntArrayRef({2, 6, 24, 24}));
  EXPECT_TRUE(masks.select(1, 0).eq(0.125).all().item<bool>());
}

TEST_F(SegmenterTest, WindowMasks_RemainderBelowAPatch_IsStretchedOver) {
  const Segmenter segmenter(tower_, nullptr, text_, small_options());
  const at::Tensor wide = wave({1, 3, 27, 31}, 0.37);
  const at::Tensor masks = segmenter.window_masks(wide);
  EXPECT_EQ(masks.sizes(), at::IntArrayRef({1, 5, 27, 31}));
  const at::Tensor cropped = segmenter.window_masks(wide.slice(2, 0, 24).slice(3, 0, 24));
  EXPECT_EQ(masks[0][0][0][0].item<float>(), cropped[0][0][0][0].item<float>());
  EXPECT_EQ(masks[0][0][26][30].item<float>(), cropped[0][0][23][23].item<float>());
}

TEST_F(SegmenterTest, WindowMasks_SoftmaxRule_SumsToOneOverClasses) {
  SegmentationOptions options = small_options();
  options.rule = ScoreRule::kSoftmax;
  options.scale = 30;
  const Segmenter segmenter(tower_, nullptr, text_, options);
  const at::Tensor sums = segmenter.window_masks(wave({1, 3, 24, 24}, 0.37)).sum(1);
  EXPECT_LE((sums - 1.0).abs().max().item<double>(), 1e-5);
}

TEST_F(SegmenterTest, Slide_OverlappingWindows_AreAveraged) {
  const at::Tensor image = wave({3, 24, 40}, 0.11);
  const Segmenter segmenter(tower_, nullptr, text_, small_options());
  const at::Tensor scores = segmenter.slide(image);
  const auto mask = [&](std::int64_t x) {
    return segmenter.window_masks(image.narrow(2, x, 24).unsqueeze(0)).squeeze(0);
  };
  const at::Tensor left = mask(0), right = mask(16);
  EXPECT_TRUE(scores.narrow(2, 0, 16).equal(left.narrow(2, 0, 16)));
  EXPECT_TRUE(scores.narrow(2, 24, 16).equal(right.narrow(2, 8, 16)));
  const at::Tensor overlap = (left.narrow(2, 16, 8) + right.narrow(2, 0, 8)) / 2.0;
  EXPECT_LE((scores.narrow(2, 16, 8) - overlap).abs().max().item<double>(), 1e-7);
}

TEST_F(SegmenterTest, Scores_AreTheSlideStretchedToTheOriginalSize) {
  const at::Tensor image = wave({3, 24, 40}, 0.11);
  SegmentationOptions options = small_options();
  options.background = true;
  const Segmenter segmenter(tower_, projector_.get(), text_, options);
  const at::Tensor stretched = at::upsample_bilinear2d(segmenter.slide(image).unsqueeze(0),
                                                       {30, 50}, /*align_corners=*/false);
  EXPECT_LE((segmenter.scores(image, {30, 50}) - stretched[0]).abs().max().item<double>(), 1e-7);
}

TEST_F(SegmenterTest, Sweep_EachCombination_HasTheBitsOfItsOwnSegmenter) {
  const at::Tensor image = wave({3, 26, 45}, 0.11);
  for (const Parameter& p : projector_->parameters()) {
    if (p.name.ends_with("clip_proj.proj")) p.tensor.detach().mul_(wave({64, 16}, 0.9));
  }
  SegmentationOptions options = small_options();
  options.background = true;
  const SegmentationSweep sweep{{0.0, 0.3, 0.7, 1.0}, {0.1, 0.4}};
  ASSERT_EQ(sweep.size(), 8u);
  std::vector<at::Tensor> swept;
  Segmenter(tower_, projector_.get(), text_, options)
      .sweep_scores(image, {30, 50}, sweep, [&](std::size_t combination, const at::Tensor& scores) {
        EXPECT_EQ(combination, swept.size());
        swept.push_back(scores.clone());
      });
  ASSERT_EQ(swept.size(), sweep.size());
  for (std::size_t i = 0; i < swept.size(); ++i) {
    options.clip_weight = sweep.clip_weights[i / 2];
    options.background_threshold = sweep.background_thresholds[i % 2];
    const Segmenter own(tower_, projector_.get(), text_, options);
    EXPECT_TRUE(swept[i].equal(own.scores(image, {30, 50}))) << i;
  }
  EXPECT_FALSE(swept[0].equal(swept[2]));
}

TEST_F(SegmenterTest, Sweep_WithoutBackground_HasOneCombinationAWeight) {
  const SegmentationSweep sweep{{0.0, 0.5}, {}};
  EXPECT_EQ(sweep.size(), 2u);
  std::size_t visits = 0;
  Segmenter(tower_, projector_.get(), text_, small_options())
      .sweep_scores(wave({3, 24, 40}, 0.11), {24, 40}, sweep,
                    [&](std::size_t, const at::Tensor& scores) {
                      EXPECT_EQ(scores.size(0), 5);
                      ++visits;
                    });
  EXPECT_EQ(visits, 2u);
}

TEST_F(SegmenterTest, LabelMap_OriginalSize_HoldsTheBestChannel) {
  const at::Tensor image = wave({3, 24, 40}, 0.11);
  const Segmenter segmenter(tower_, nullptr, text_, small_options());
  const at::Tensor labels = segmenter.label_map(image, 30, 50);
  EXPECT_EQ(labels.sizes(), at::IntArrayRef({30, 50}));
  EXPECT_EQ(labels.scalar_type(), at::kByte);
  const at::Tensor scores = segmenter.scores(image, {30, 50});
  const at::Tensor chosen = scores.gather(0, labels.to(at::kLong).unsqueeze(0)).squeeze(0);
  EXPECT_LE((std::get<0>(scores.max(0)) - chosen).abs().max().item<double>(), 1e-6);
}

TEST_F(SegmenterTest, Count_OfAnImage_EqualsItsLabelMapCounted) {
  const at::Tensor image = wave({3, 24, 40}, 0.11);
  const Segmenter segmenter(tower_, projector_.get(), text_, small_options());
  std::vector<std::uint16_t> truth(30 * 50), predicted;
  for (std::size_t i = 0; i < truth.size(); ++i) truth[i] = static_cast<std::uint16_t>(i % 6);
  const at::Tensor labels = segmenter.label_map(image, 30, 50).to(at::kInt).contiguous();
  for (int i = 0; i < 30 * 50; ++i) {
    predicted.push_back(static_cast<std::uint16_t>(labels.const_data_ptr<std::int32_t>()[i]));
  }
  SegmentationCounts expected(5), counts(5);
  expected.add(predicted, truth, 5);
  segmenter.count(image, {30, 50}, truth, 5, counts);
  EXPECT_EQ(counts, expected);
}

TEST_F(SegmenterTest, WindowMasks_UnderBf16Autocast_ScoresStayFp32) {
  const Segmenter segmenter(tower_, projector_.get(), text_, small_options());
  const at::Tensor window = wave({1, 3, 24, 24}, 0.37);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const at::Tensor masks = segmenter.window_masks(window);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_EQ(masks.scalar_type(), at::kFloat);
  EXPECT_LE((masks - segmenter.window_masks(window)).abs().max().item<double>(), 0.05);
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
