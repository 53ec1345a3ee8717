// Labels without score maps are those of the score maps: every bit, every tie.
#include "model/inference/dense/dense_labels.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/round.h>
#include <ATen/ops/softmax.h>
#include <gtest/gtest.h>
#include <algorithm>

#include <limits>

#include "base/format.h"
#include "base/limits.h"
#include "model/inference/dense/score_rows.h"
#include "model/inference/kernels/predict.h"
#include "model/inference/segmentation.h"

namespace tagalign::model {
namespace {

/// One case: a scorer of random maps.
struct Look {
  std::int64_t channels = 21;
  std::int64_t grid = 7;  ///< a side of a window's map
  bool channels_last = true;
  double levels = 0;  ///< scores are rounded to so many of them, so that they tie; 0: they are not
  LabelRule rule = LabelRule::kSoftmax;
  BackgroundRule background = BackgroundRule::kConstant;
  Padding padding = {};
};

class RandomScorer : public DenseScorer {
 public:
  explicit RandomScorer(const Look& look) : look_(look) {}
  std::int64_t channels() const override { return look_.channels; }
  BackgroundRule background() const override { return look_.background; }
  LabelRule label_rule() const override { return look_.rule; }
  std::vector<ScoreMap> maps(const at::Tensor& windows,
                             std::span<const ScoreVariant> variants) const override {
    std::vector<ScoreMap> maps;
    for (const ScoreVariant& variant : variants) {
      // The same window gives the same map.
      const auto seed = static_cast<std::uint64_t>(windows.sum().item<double>() * 1e3);
      at::manual_seed(seed + static_cast<std::uint64_t>(variant.mix * 7));
      at::Tensor map = at::rand({1, look_.channels, look_.grid, look_.grid + 1});
      if (look_.levels > 0) map = at::round(map * look_.levels) / look_.levels;
      if (look_.channels_last) map = map.contiguous(at::MemoryFormat::ChannelsLast);
      maps.push_back({map, look_.padding});
    }
    return maps;
  }

 private:
  Look look_;
};

struct Sizes {
  std::int64_t height = 0, width = 0;
  ImageSize original;
};

class DenseLabelsTest : public testing::Test {
 protected:
  static SegmentationSweep sweep_of(const Look& look, bool background) {
    if (!background || look.background == BackgroundRule::kInWindow) return {{0.0, 0.5}, {}};
    return {{0.0, 0.5}, {0.3, 0.96, 0.999}};
  }

  void expect_same(const Look& look, const Sizes& sizes, SegmentationOptions options,
                   const DenseScorer& scorer) {
    const Segmenter segmenter(scorer, options);
    const SegmentationSweep sweep = sweep_of(look, options.background);
    const at::Tensor image = at::rand({3, sizes.height, sizes.width});
    std::vector<std::vector<std::uint16_t>> labels;
    std::vector<at::Tensor> shown;
    segmenter.sweep_scores(image, sizes.original, sweep, [&](std::size_t, const at::Tensor& s) {
      labels.push_back(label_ids(predict_labels(s, scorer.label_rule())));
      shown.push_back(at::amax(s, {1, 2}));
    });
    std::size_t seen = 0;
    segmenter.sweep_labels(
        image, sizes.original, sweep, true, [&](std::size_t i, const ImageLabels& found) {
          ASSERT_EQ(i, seen++);
          EXPECT_TRUE(std::ranges::equal(found.labels, labels[i])) << "combination " << i;
          ASSERT_EQ(std::ssize(found.image_scores), shown[i].numel());
          for (std::size_t c = 0; c < found.image_scores.size(); ++c)
            EXPECT_EQ(found.image_scores[c], shown[i].const_data_ptr<float>()[c]) << c;
        });
    EXPECT_EQ(seen, sweep.size());
  }
  void expect_same(const Look& look, const Sizes& sizes, SegmentationOptions options) {
    expect_same(look, sizes, options, RandomScorer(look));
  }
};

const Sizes kSizes[] = {{112, 150, {90, 120}}, {100, 37, {210, 80}}, {64, 64, {64, 64}},
                        {40, 41, {30, 31}},    {56, 56, {57, 301}},  {113, 177, {113, 177}},
                        {30, 200, {15, 100}}};
const SegmentationOptions kSliding[] = {
    {.window = 56, .stride = 28},
    {.window = 56, .stride = 20, .window_width = 40, .stride_width = 33},
    {.window = limits::kWholeImageWindow, .stride = 1}};

TEST_F(DenseLabelsTest, AnySizesAndChannels_GiveTheBitsOfTheScoreMaps) {
  for (const std::int64_t channels : {1, 2, 3, 4, 5, 16, 17, 20, 33, 171}) {
    const auto all_sizes = std::span(kSizes).first(channels > 100 ? 2 : std::size(kSizes));
    for (const bool last : {true, false}) {
      for (const Sizes& sizes : all_sizes) {
        for (SegmentationOptions options : kSliding) {
          SCOPED_TRACE(format("{} channels, last {}, {}x{}, window {}", channels, last,
                              sizes.height, sizes.width, options.window));
          options.background = channels % 2 == 1;
          expect_same({.channels = channels, .channels_last = last}, sizes, options);
        }
      }
    }
  }
}

TEST_F(DenseLabelsTest, ScoresThatTie_FallAsTheSoftmaxRounds) {
  for (const double levels : {2.0, 1e3, 1e6, 4e6, 2e7}) {
    for (const LabelRule rule : {LabelRule::kSoftmax, LabelRule::kLargest}) {
      for (const bool background : {true, false}) {
        SCOPED_TRACE(format("{} levels", levels));
        expect_same({.channels = 90, .grid = 3, .levels = levels, .rule = rule}, {48, 70, {61, 75}},
                    {.background = background, .window = 48, .stride = 24});
      }
    }
  }
}

TEST_F(DenseLabelsTest, EqualScoresEverywhere_AreDecidedLikeTheMaps) {
  expect_same({.channels = 30, .grid = 2, .levels = 1e-9}, {60, 80, {90, 100}},
              {.background = true, .window = 40, .stride = 20});
}

TEST_F(DenseLabelsTest, PaddedWindows_AndBackgroundsOfTheMethod_GiveTheSameBits) {
  const Look padded{.padding = {.top = 2, .bottom = 3, .left = 0, .right = 5}};
  expect_same(padded, {100, 120, {90, 110}}, {.window = 51, .stride = 30});
  const Look own{.background = BackgroundRule::kInWindow};
  expect_same(own, {100, 120, {90, 110}}, {.window = 51, .stride = 30});
}

/// A method that finishes each pixel by itself, for one threshold in another way than for another.
class FinishedScorer final : public RandomScorer, private ScoreFinish {
 public:
  FinishedScorer(const Look& look, bool straight) : RandomScorer(look), straight_(straight) {}
  bool straight_to_original() const override { return straight_; }
  const ScoreFinish* score_finish() const override { return this; }
  bool by_pixel() const override { return true; }
  at::Tensor finish(const at::Tensor& scores, const at::Tensor&,
                    const ScoreVariant& variant) const override {
    const at::Tensor shares = at::softmax(scores * 40, 0);
    at::Tensor finished = shares.clone();
    finished.select(0, 0).masked_fill_(shares.amax(0).lt(variant.threshold.value_or(0.2)), 2.0);
    return finished;
  }

 private:
  bool straight_;
};

TEST_F(DenseLabelsTest, ScoresThatAMethodFinishesByPixel_GiveTheSameLabels) {
  for (const BackgroundRule background : {BackgroundRule::kAtEnd, BackgroundRule::kConstant}) {
    for (const bool straight : {false, true}) {
      for (const Sizes& sizes : kSizes) {
        for (SegmentationOptions options : kSliding) {
          options.background = true;
          const Look look{.background = background};
          const FinishedScorer scorer(look, straight);
          const Segmenter segmenter(scorer, options);
          const SegmentationSweep sweep = sweep_of(look, true);
          const at::Tensor image = at::rand({3, sizes.height, sizes.width});
          std::vector<std::vector<std::uint16_t>> labels;
          segmenter.sweep_scores(image, sizes.original, sweep,
                                 [&](std::size_t, const at::Tensor& s) {
                                   labels.push_back(label_ids(predict_labels(s)));
                                 });
          std::size_t seen = 0;
          segmenter.sweep_labels(image, sizes.original, sweep, false,
                                 [&](std::size_t i, const ImageLabels& found) {
                                   ++seen;
                                   EXPECT_TRUE(std::ranges::equal(found.labels, labels[i])) << i;
                                 });
          EXPECT_EQ(seen, labels.size());
        }
      }
    }
  }
}

/// A map with what is no number in it.
class BrokenScorer final : public RandomScorer {
 public:
  using RandomScorer::RandomScorer;
  std::vector<ScoreMap> maps(const at::Tensor& windows,
                             std::span<const ScoreVariant> variants) const override {
    auto maps = RandomScorer::maps(windows, variants);
    maps[0].scores[0][3][1][1] = std::numeric_limits<float>::quiet_NaN();
    maps[0].scores[0][5][4][2] = std::numeric_limits<float>::infinity();
    return maps;
  }
};

TEST_F(DenseLabelsTest, ScoresThatAreNoNumbers_GiveTheLabelsOfTheMaps) {
  for (const LabelRule rule : {LabelRule::kSoftmax, LabelRule::kLargest}) {
    for (const bool background : {true, false}) {
      const Look look{.rule = rule};
      const BrokenScorer scorer(look);
      const Segmenter segmenter(scorer, {.background = background, .window = 56, .stride = 28});
      const SegmentationSweep sweep = sweep_of(look, background);
      const at::Tensor image = at::rand({3, 80, 90});
      std::vector<std::vector<std::uint16_t>> labels;
      segmenter.sweep_scores(image, {70, 85}, sweep, [&](std::size_t, const at::Tensor& s) {
        labels.push_back(label_ids(predict_labels(s, rule)));
      });
      segmenter.sweep_labels(image, {70, 85}, sweep, false,
                             [&](std::size_t i, const ImageLabels& found) {
                               EXPECT_TRUE(std::ranges::equal(found.labels, labels[i])) << i;
                               EXPECT_TRUE(found.image_scores.empty());
                             });
    }
  }
}

TEST_F(DenseLabelsTest, LargeImageOfManyClasses_TakesLittleMemory) {
  const RandomScorer scorer({.channels = 171});
  const Segmenter segmenter(scorer, {.window = 448, .stride = 224});
  const std::uint64_t bytes = segmenter.bytes({1536, 2048}, {1536, 2048}, {{0.3}, {}}, false);
  EXPECT_LT(bytes, 16U << 20);
}

}  // namespace
}  // namespace tagalign::model
