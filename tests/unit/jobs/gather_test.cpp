#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <thread>

#include "worker/gradients/gather_autograd.h"
#include "worker/gradients/gradients.h"

namespace tagalign::jobs {
namespace {

/// Loss of rank r on gathered rows g: (r + 1) · Σ g², so its gradient to row i is 2 (r + 1) · g_i.
TEST(GatherWithGradient, TwoRanks_EachRowGetsTheSumOfAllRanksGradients) {
  constexpr int kWorld = 2;
  auto groups = collectives::make_thread_groups(kWorld, 30'000);
  std::vector<at::Tensor> rows, gathered(kWorld);
  for (int r = 0; r < kWorld; ++r) {
    rows.push_back((at::arange(6, at::kFloat).reshape({3, 2}) + 10.0f * static_cast<float>(r))
                       .set_requires_grad(true));
  }
  std::vector<std::thread> threads;
  for (int r = 0; r < kWorld; ++r) {
    threads.emplace_back([&, r] {
      const auto rank = static_cast<std::size_t>(r);
      gathered[rank] = gather_with_gradient(rows[rank], *groups[rank]);
      (gathered[rank] * gathered[rank]).sum().mul(static_cast<float>(r + 1)).backward();
    });
  }
  for (auto& thread : threads) thread.join();
  const auto all = at::cat({rows[0].detach(), rows[1].detach()});
  for (std::size_t r = 0; r < kWorld; ++r) {
    EXPECT_TRUE(at::allclose(gathered[r].detach(), all));
    EXPECT_TRUE(at::allclose(rows[r].grad(), rows[r].detach() * (2.0f * (1 + 2))));
  }
}

TEST(AverageGradients, TwoRanksSeveralBuckets_EveryGradientIsTheMean) {
  constexpr int kWorld = 2;
  auto groups = collectives::make_thread_groups(kWorld, 30'000);
  std::vector<model::Parameters> parameters(kWorld);
  for (std::size_t r = 0; r < kWorld; ++r) {
    for (const std::int64_t size : {5, 1, 70'000, 2}) {
      auto tensor = at::zeros({size}, at::kFloat).set_requires_grad(true);
      tensor.mutable_grad() = at::full_like(tensor.detach(), static_cast<float>(r));
      parameters[r].push_back({"p", tensor});
    }
  }
  parameters[1].back().tensor.mutable_grad().reset();  // no gradient on one rank counts as zeros
  std::vector<std::thread> threads;
  for (std::size_t r = 0; r < kWorld; ++r) {
    threads.emplace_back([&, r] {
      constexpr double kBucketMib = 0.25;
      EXPECT_TRUE(average_gradients(parameters[r], kBucketMib, *groups[r]).ok());
    });
  }
  for (auto& thread : threads) thread.join();
  for (std::size_t r = 0; r < kWorld; ++r) {
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_TRUE(at::allclose(parameters[r][i].tensor.grad(),
                               at::full_like(parameters[r][i].tensor.detach(), 0.5)));
    }
    EXPECT_TRUE(at::allclose(parameters[r][3].tensor.grad(), at::zeros({2})));
  }
}

}  // namespace
}  // namespace tagalign::jobs
