#include "worker/collectives/gradient_buckets.h"

#include <algorithm>

namespace tagalign::collectives {

std::vector<Bucket> plan_buckets(std::span<const std::size_t> elements, std::size_t bucket_bytes) {
  std::vector<Bucket> buckets;
  std::size_t filled = 0;
  for (std::size_t i = elements.size(); i-- > 0;) {
    const std::size_t bytes = elements[i] * sizeof(float);
    if (buckets.empty() || filled + bytes > bucket_bytes) {
      buckets.emplace_back();
      filled = 0;
    }
    buckets.back().push_back(i);
    filled += bytes;
  }
  return buckets;
}

GradientAverager::GradientAverager(CollectiveGroup& group, std::vector<std::size_t> elements,
                                   std::size_t bucket_bytes)
    : group_(group),
      elements_(std::move(elements)),
      buckets_(plan_buckets(elements_, bucket_bytes)) {
  TA_CHECK(group.memory() == Memory::kHost, "gradient buckets are packed in host memory");
}

Status GradientAverager::average(std::span<const std::span<float>> tensors) {
  TA_CHECK(tensors.size() == elements_.size());
  const auto ranks = static_cast<float>(group_.size());
  for (const Bucket& bucket : buckets_) {
    packed_.clear();
    for (const std::size_t i : bucket) {
      TA_CHECK(tensors[i].size() == elements_[i]);
      packed_.insert(packed_.end(), tensors[i].begin(), tensors[i].end());
    }
    TA_RETURN_IF_ERROR(group_.all_reduce_sum(packed_));
    auto source = packed_.cbegin();
    for (const std::size_t i : bucket) {
      std::transform(source, source + std::ssize(tensors[i]), tensors[i].begin(),
                     [ranks](float sum) { return sum / ranks; });
      source += std::ssize(tensors[i]);
    }
  }
  return ok_status();
}

}  // namespace tagalign::collectives
