/// Batches of augmented images with captions and tags, decoded ahead, in an order that depends
/// on nothing but numbers.
///
/// Sample number n (0, 1, … across epochs) is record permuted_index({seed, epoch = n / size}, n %
/// size, size); its augmentation draws come from RandomStream({seed, epoch, record}, kAugment). A
/// step takes `global_batch` consecutive numbers; rank r of W takes the r-th of W equal slices. So
/// state is one integer, and neither threads nor ranks change a sample. A broken image is replaced
/// by a deterministic substitute (the next readable record), and named once in notices; how many may
/// be is judged by data/training/broken_share.h.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "data/datasets/caption_dataset.h"
#include "data/training/augment.h"

namespace tagalign::data {

enum class Decoding : std::uint8_t {
  kExact,  ///< the reference's pixels
  kFast,   ///< JPEGs at 1/2, 1/4 or 1/8, where a crop has more than enough pixels; keeps no images
};

struct LoaderOptions {
  std::uint64_t seed = 0;
  std::uint64_t first_sample = 0;  ///< position to start at; a multiple of global_batch
  int global_batch = 0;
  int rank = 0;
  int world = 1;  ///< divides global_batch
  int image_size = 224;
  int threads = 1;  ///< 0: decode inside next()
  int prefetch_batches = 2;
  std::uint64_t cache_bytes_max = 256u << 20;  ///< decoded images kept in memory; 0: none
  AugmentOptions augment;
  Decoding decoding = Decoding::kExact;
};

/// Gives memory whose numbers are not set: each is written once, by the thread that loads its sample.
template <class T>
struct UnsetAllocator : std::allocator<T> {
  template <class U>
  struct rebind {
    using other = UnsetAllocator<U>;
  };
  template <class U>
  void construct(U* at) noexcept {
    ::new (static_cast<void*>(at)) U;
  }
  template <class U, class First, class... Rest>
  void construct(U* at, First&& first, Rest&&... rest) {
    ::new (static_cast<void*>(at)) U(std::forward<First>(first), std::forward<Rest>(rest)...);
  }
};
using BatchPixels = std::vector<float, UnsetAllocator<float>>;

/// One rank's slice of one step.
struct TrainingBatch {
  int size = 0;                                       // B
  std::uint64_t step = 0;                             ///< that it belongs to, from 0
  BatchPixels images;                                 // [B, 3, image_size, image_size]
  std::vector<std::string> captions;                  // [B]
  std::vector<std::vector<std::int32_t>> tags;        // [B], indices
  std::vector<std::vector<std::int32_t>> attributes;  // [B], indices
  std::vector<std::size_t> records;                   // [B], which records were used
  std::vector<std::string> notices;  ///< broken images met for the first time, by name
  std::uint64_t replaced = 0;  ///< samples by which an epoch is judged and whose image is broken
};

class TrainingLoader {
 public:
  /// Borrows `dataset` and `files`, which must outlive it. kInvalidArgument when world
  /// does not divide global_batch.
  static Result<std::unique_ptr<TrainingLoader>> create(const CaptionDataset& dataset,
                                                        const LoaderOptions& options);
  virtual ~TrainingLoader() = default;
  /// The next step's slice; kDataLoss when no record can be read at all. One caller.
  virtual Result<TrainingBatch> next() = 0;
};

}  // namespace tagalign::data
