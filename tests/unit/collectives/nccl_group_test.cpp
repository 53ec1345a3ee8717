#include "worker/collectives/nccl_group.h"

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace tagalign::collectives {
namespace {

int gpus() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

TEST(NcclGroup, MissingGpu_IsUnsupportedOnAllRanks) {
  auto control = make_thread_groups(2, 60'000);
  std::vector<std::thread> threads;
  for (auto& seat : control) {
    threads.emplace_back([&seat] {
      const auto group = make_nccl_group(*seat, 1000, 60'000);
      EXPECT_EQ(group.status().code(), ErrorCode::kUnsupported);
      EXPECT_THAT(group.status().message(), testing::HasSubstr("GPU 1000"));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(NcclGroup, OneRank_OnOneGpu_DoesAllVerbs) {
  if (gpus() == 0) GTEST_SKIP() << "needs a GPU";
  auto control = make_thread_groups(1, 60'000);
  const auto group = make_nccl_group(*control[0], 0, 60'000).value();
  std::vector<float> values = {1.0F, 2.5F, -3.0F};
  const std::vector<float> expected = values;
  float* device = nullptr;
  const std::size_t bytes = values.size() * sizeof(float);
  ASSERT_EQ(cudaMalloc(reinterpret_cast<void**>(&device), 2 * bytes), cudaSuccess);
  ASSERT_EQ(cudaMemcpy(device, values.data(), bytes, cudaMemcpyHostToDevice), cudaSuccess);
  const std::span<float> first(device, values.size());
  const std::span<float> second(device + values.size(), values.size());
  EXPECT_TRUE(group->all_reduce_sum(first).ok());
  EXPECT_TRUE(group->all_gather(first, second).ok());
  ASSERT_EQ(cudaMemcpy(values.data(), second.data(), bytes, cudaMemcpyDeviceToHost), cudaSuccess);
  EXPECT_EQ(values, expected);
  EXPECT_TRUE(group->barrier().ok());
  cudaFree(device);
}

}  // namespace
}  // namespace tagalign::collectives
