#include "model/training/rank_share.h"

#include <algorithm>
#include <numeric>

#include "base/status.h"

namespace tagalign::model {
namespace {

/// Where the share of `rank` begins among all elements.
std::uint64_t cut_of(const std::vector<std::uint64_t>& elements, RankShare share) {
  const std::uint64_t total = std::accumulate(elements.begin(), elements.end(), std::uint64_t{0});
  if (share.rank == share.world) return total;
  const auto rank = static_cast<std::uint64_t>(share.rank);
  const auto world = static_cast<std::uint64_t>(share.world);
  const std::uint64_t wanted = total / world * rank + total % world * rank / world;
  std::uint64_t start = 0;
  for (const std::uint64_t size : elements) {
    if (wanted < start + size) return start + (wanted - start) / kCutElements * kCutElements;
    start += size;
  }
  return total;
}

}  // namespace

std::vector<ElementRange> ranges_of(const std::vector<std::uint64_t>& elements, RankShare share) {
  TA_CHECK(share.rank >= 0 && share.rank < share.world);
  const std::uint64_t from = cut_of(elements, share);
  const std::uint64_t to = cut_of(elements, {share.rank + 1, share.world});
  std::vector<ElementRange> ranges;
  std::uint64_t start = 0;
  for (const std::uint64_t size : elements) {
    const std::uint64_t begin = std::clamp(from, start, start + size) - start;
    const std::uint64_t end = std::clamp(to, start, start + size) - start;
    ranges.push_back(begin < end ? ElementRange{begin, end} : ElementRange{});
    start += size;
  }
  return ranges;
}

std::uint64_t largest_share(const std::vector<std::uint64_t>& elements, int world) {
  std::uint64_t largest = 0;
  for (int rank = 0; rank < world; ++rank) {
    const auto end = cut_of(elements, {rank + 1, world});
    largest = std::max(largest, end - cut_of(elements, {rank, world}));
  }
  return largest;
}

}  // namespace tagalign::model
