/// Gradients averaged over the ranks a bucket at a time: few large collectives instead of many
/// small ones.
///
/// Buckets are filled from the last tensor to the first, the order in which a backward pass
/// finishes them.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/status.h"
#include "worker/collectives/collective_group.h"

namespace tagalign::collectives {

/// One bucket: indices of tensors, in the order in which they lie in it.
using Bucket = std::vector<std::size_t>;

/// Distributes tensors of `elements` floats. A tensor is never split: one that exceeds
/// `bucket_bytes` has its own bucket. Every tensor is in exactly one bucket; equal arguments give
/// equal plans on all ranks. Pure.
std::vector<Bucket> plan_buckets(std::span<const std::size_t> elements, std::size_t bucket_bytes);

/// Replaces each tensor by its mean over the ranks. For host memory. Owns one bucket's worth of
/// scratch; one thread.
class GradientAverager {
 public:
  /// `elements` as in plan_buckets(), equal on all ranks. Borrows the group.
  GradientAverager(CollectiveGroup& group, std::vector<std::size_t> elements,
                   std::size_t bucket_bytes);

  /// Collective; tensors of the sizes that the constructor was told, in that order. After an error
  /// the values are partly averaged and worthless.
  Status average(std::span<const std::span<float>> tensors);

 private:
  CollectiveGroup& group_;
  std::vector<std::size_t> elements_;
  std::vector<Bucket> buckets_;
  std::vector<float> packed_;
};

}  // namespace tagalign::collectives
