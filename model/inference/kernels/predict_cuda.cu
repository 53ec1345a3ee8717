// Axes: C classes, P pixels. A block of threads walks over pixels; one thread decides one pixel.
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>
#include <string>

#include "base/status.h"
#include "model/inference/kernels/predict_cuda.h"

namespace tagalign::model {
namespace {

constexpr int kThreads = 256;
constexpr int kBlocksPerProcessor = 4;
constexpr std::int64_t kSharedClassesMax = 4096;  // 3 counters of 4 bytes each: 48 KiB a block

/// First channel whose softmax is the largest. Three reads of a column; the second and third hit
/// the cache. Division and exp round as in the softmax itself, so ties fall as they do there.
__device__ int first_largest_softmax(const float* scores, std::int64_t pixel, std::int64_t classes,
                                     std::int64_t pixels) {
  float largest = scores[pixel];
  for (std::int64_t c = 1; c < classes; ++c) {
    largest = fmaxf(largest, scores[c * pixels + pixel]);
  }
  float sum = 0.0F;
  for (std::int64_t c = 0; c < classes; ++c) sum += expf(scores[c * pixels + pixel] - largest);
  const float top = 1.0F / sum;
  for (std::int64_t c = 0; c < classes; ++c) {
    if (expf(scores[c * pixels + pixel] - largest) / sum >= top) return static_cast<int>(c);
  }
  return 0;
}

__device__ int first_largest(const float* scores, std::int64_t pixel, std::int64_t classes,
                             std::int64_t pixels) {
  std::int64_t best = 0;
  for (std::int64_t c = 1; c < classes; ++c) {
    if (scores[c * pixels + pixel] > scores[best * pixels + pixel]) best = c;
  }
  return static_cast<int>(best);
}

/// `counters` [3, C] of a block; a pixel counts as SegmentationCounts::add says.
__device__ void count_pixel(unsigned int* counters, int guess, int truth, std::int64_t classes) {
  atomicAdd(&counters[classes + guess], 1U);
  if (truth == guess) atomicAdd(&counters[guess], 1U);
  if (truth < classes) atomicAdd(&counters[2 * classes + truth], 1U);
}

using Total = unsigned long long;  // NOLINT(google-runtime-int): the type that atomicAdd takes

__global__ void count_in_shared(PredictionCountArguments a) {
  extern __shared__ unsigned int counters[];
  const auto entries = static_cast<int>(3 * a.classes);
  for (int i = static_cast<int>(threadIdx.x); i < entries; i += kThreads) counters[i] = 0;
  __syncthreads();
  const auto* label = static_cast<const std::uint16_t*>(a.label);
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t p = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
       p < a.pixels; p += step) {
    const int truth = label[p];
    if (truth == a.ignore_index) continue;
    const int guess = a.softmax ? first_largest_softmax(a.scores, p, a.classes, a.pixels)
                                : first_largest(a.scores, p, a.classes, a.pixels);
    count_pixel(counters, guess, truth, a.classes);
  }
  __syncthreads();
  auto* table = reinterpret_cast<Total*>(a.table);
  for (int i = static_cast<int>(threadIdx.x); i < entries; i += kThreads) {
    if (counters[i] != 0) atomicAdd(&table[i], static_cast<Total>(counters[i]));
  }
}

}  // namespace

void count_predictions_cuda(const PredictionCountArguments& arguments) {
  TA_CHECK(arguments.classes > 0 && arguments.classes <= kSharedClassesMax, "1 to 4096 classes");
  if (arguments.pixels == 0) return;
  const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(arguments.device));
  int processors = 0;
  cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, arguments.device);
  const std::int64_t needed = (arguments.pixels + kThreads - 1) / kThreads;
  const auto blocks = static_cast<unsigned>(
      std::min<std::int64_t>(needed, std::max(processors, 1) * kBlocksPerProcessor));
  const auto bytes = static_cast<std::size_t>(3 * arguments.classes) * sizeof(unsigned int);
  count_in_shared<<<blocks, kThreads, bytes, c10::cuda::getCurrentCUDAStream()>>>(arguments);
  const cudaError_t error = cudaGetLastError();
  TA_CHECK(error == cudaSuccess, std::string("counting predictions: ") + cudaGetErrorString(error));
}

}  // namespace tagalign::model
