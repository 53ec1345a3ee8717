#include "worker/collectives/gradient_buckets.h"

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

}  // namespace tagalign::collectives
