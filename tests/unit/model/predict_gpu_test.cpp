/// The fused kernel against its CPU twin, to the integer.
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/sin.h>
#include <gtest/gtest.h>

#include "model/inference/kernels/predict.h"

namespace tagalign::model {
namespace {

#define REQUIRE_CUDA_DEVICE() \
  if (!at::hasCUDA()) GTEST_SKIP() << "needs a CUDA device and a build with CUDA"

struct Case {
  std::int64_t classes, height, width;
};

class CountPredictionsGpu : public ::testing::TestWithParam<Case> {};

TEST_P(CountPredictionsGpu, Counts_EqualTheCpuTwin) {
  REQUIRE_CUDA_DEVICE();
  const Case c = GetParam();
  const std::int64_t pixels = c.height * c.width;
  // Steps of 1/8 give many exact ties, which the lower channel must win on both devices.
  const at::Tensor scores = (at::sin(at::arange(c.classes * pixels, at::kFloat) * 12.9898) * 8)
                                .round()
                                .div(8)
                                .reshape({c.classes, c.height, c.width});
  std::vector<std::uint16_t> label;
  for (std::int64_t i = 0; i < pixels; ++i) {
    label.push_back(static_cast<std::uint16_t>(i % 7 == 0 ? 1000 : i % (c.classes + 3)));
  }
  for (const LabelRule rule : {LabelRule::kSoftmax, LabelRule::kLargest}) {
    SegmentationCounts cpu(static_cast<std::size_t>(c.classes)), gpu = cpu;
    count_predictions(scores, label, 1000, cpu, rule);
    count_predictions(scores.cuda(), label, 1000, gpu, rule);
    EXPECT_EQ(gpu, cpu);
    count_predictions(scores.cuda(), label, 1000, gpu, rule);  // adds; does not replace
    cpu.merge(SegmentationCounts(cpu));
    EXPECT_EQ(gpu, cpu);
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, CountPredictionsGpu,
                         ::testing::Values(Case{1, 1, 1}, Case{21, 333, 500}, Case{171, 480, 640},
                                           Case{920, 64, 65}));

}  // namespace
}  // namespace tagalign::model
