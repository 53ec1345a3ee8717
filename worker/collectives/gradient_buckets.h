/// Which gradients travel together: few large collectives instead of many small ones. The packing
/// itself is done where the tensors live (worker/gradients/gradients.h).
///
/// Buckets are filled from the last tensor to the first, the order in which a
/// backward pass finishes them.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace tagalign::collectives {

/// One bucket: indices of tensors, in the order in which they lie in it.
using Bucket = std::vector<std::size_t>;

/// Distributes tensors of `elements` floats. A tensor is never split: one that exceeds
/// `bucket_bytes` has its own bucket. Every tensor is in exactly one bucket; equal arguments give
/// equal plans on all ranks. Pure.
std::vector<Bucket> plan_buckets(std::span<const std::size_t> elements, std::size_t bucket_bytes);

}  // namespace tagalign::collectives
