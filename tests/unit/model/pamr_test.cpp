#include "model/inference/pamr.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace tagalign::model {
namespace {

at::Tensor wave(at::IntArrayRef shape, double frequency) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return at::sin(at::arange(count, at::kFloat) * frequency).reshape(shape);
}

/// The definition, pixel by pixel in double.
class Naive {
 public:
  Naive(const at::Tensor& image, const PamrOptions& options)
      : image_(image.to(at::kDouble).contiguous()), options_(options) {}

  std::int64_t height() const { return image_.size(2); }
  std::int64_t width() const { return image_.size(3); }

  double deviation(std::int64_t k, std::int64_t y, std::int64_t x) const {
    std::vector<double> samples;
    for (const std::int64_t d : options_.dilations) {
      for (int dy = -1; dy <= 1; ++dy) {
        for (int dx = -1; dx <= 1; ++dx) samples.push_back(value(k, y + d * dy, x + d * dx));
      }
    }
    double mean = 0, squares = 0;
    for (const double sample : samples) mean += sample / static_cast<double>(samples.size());
    for (const double sample : samples) squares += (sample - mean) * (sample - mean);
    return std::sqrt(squares / static_cast<double>(samples.size() - 1));
  }

  /// One pass over a plane.
  std::vector<double> pass(const std::vector<double>& plane) const {
    std::vector<double> next;
    for (std::int64_t y = 0; y < height(); ++y) {
      for (std::int64_t x = 0; x < width(); ++x) next.push_back(pixel(plane, y, x));
    }
    return next;
  }

 private:
  std::int64_t row(std::int64_t y) const { return std::clamp<std::int64_t>(y, 0, height() - 1); }
  std::int64_t column(std::int64_t x) const { return std::clamp<std::int64_t>(x, 0, width() - 1); }
  double value(std::int64_t k, std::int64_t y, std::int64_t x) const {
    return image_.const_data_ptr<double>()[(k * height() + row(y)) * width() + column(x)];
  }

  double pixel(const std::vector<double>& plane, std::int64_t y, std::int64_t x) const {
    double sum = 0, weights = 0;
    for (const std::int64_t d : options_.dilations) {
      for (int dy = -1; dy <= 1; ++dy) {
        for (int dx = -1; dx <= 1; ++dx) {
          if (dy == 0 && dx == 0) continue;
          double logit = 0;
          for (std::int64_t k = 0; k < image_.size(1); ++k) {
            logit -= std::abs(value(k, y, x) - value(k, y + d * dy, x + d * dx)) /
                     (1e-8 + 0.1 * deviation(k, y, x)) / static_cast<double>(image_.size(1));
          }
          const double weight = std::exp(logit);
          weights += weight;
          sum += weight *
                 plane[static_cast<std::size_t>(row(y + d * dy) * width() + column(x + d * dx))];
        }
      }
    }
    return sum / weights;
  }

  at::Tensor image_;
  PamrOptions options_;
};

TEST(Pamr, EqualsTheDefinition_AlsoWhereADilationExceedsTheImage) {
  const PamrOptions options{.iterations = 2, .dilations = {1, 2, 9}};
  const at::Tensor image = wave({1, 3, 7, 6}, 0.7), scores = wave({1, 2, 7, 6}, 1.3);
  const at::Tensor refined = Pamr(options).refine(image, scores);
  const Naive naive(image, options);
  for (std::int64_t c = 0; c < 2; ++c) {
    const at::Tensor plane = scores[0][c].to(at::kDouble).contiguous();
    std::vector<double> expected(plane.const_data_ptr<double>(),
                                 plane.const_data_ptr<double>() + plane.numel());
    expected = naive.pass(naive.pass(expected));
    const at::Tensor found = refined[0][c].contiguous();
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_NEAR(found.const_data_ptr<float>()[i], expected[i], 1e-5) << c << ", " << i;
  }
}

TEST(Pamr, FlatImage_WeighsAllNeighboursAlike) {
  const PamrOptions options{.iterations = 1, .dilations = {1}};
  const at::Tensor weights = pamr_affinity(at::full({1, 3, 4, 4}, 0.5), options);
  EXPECT_EQ(weights.sizes(), (std::vector<std::int64_t>{1, 8, 4, 4}));
  EXPECT_LE((weights - 0.125).abs().max().item<double>(), 1e-7);
}

TEST(Pamr, NoIterations_OnlyResizes_WithAlignedCorners) {
  const at::Tensor scores = wave({1, 2, 3, 3}, 1.1);
  const at::Tensor refined =
      Pamr({.iterations = 0, .dilations = {1}}).refine(wave({1, 3, 5, 5}, 0.3), scores);
  EXPECT_TRUE(at::upsample_bilinear2d(scores, {5, 5}, /*align_corners=*/true).equal(refined));
}

TEST(Pamr, ScoresOfManyClasses_AreTreatedOneByOne) {
  // So many that a row is refined at a time, and one class as a whole.
  const at::Tensor image = wave({1, 3, 37, 53}, 0.6), scores = wave({1, 1000, 37, 53}, 0.9);
  const Pamr pamr({.iterations = 3, .dilations = {1, 2}});
  const at::Tensor all = pamr.refine(image, scores);
  EXPECT_TRUE(all.narrow(1, 17, 1).equal(pamr.refine(image, scores.narrow(1, 17, 1))));
}

}  // namespace
}  // namespace tagalign::model
