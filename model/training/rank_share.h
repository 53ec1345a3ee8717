/// Which elements of a list of tensors a rank keeps the optimiser's moments of and updates (ZeRO's
/// first stage, Rajbhandari et al. 2020, section 5.1).
///
/// The tensors lie end to end in their order, and the ranks get equal ranges of all elements. A cut
/// that falls into a tensor moves down to a multiple of kCutElements from its start: vector kernels
/// then treat every element as they do in the whole tensor, and give the same bits. Pure.
#pragma once

#include <cstdint>
#include <vector>

namespace tagalign::model {

inline constexpr std::uint64_t kCutElements = 64;

/// Of one rank there is only the whole.
struct RankShare {
  int rank = 0;
  int world = 1;
  bool operator==(const RankShare&) const = default;
};

/// Elements begin … end-1 of a flattened tensor.
struct ElementRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  std::uint64_t size() const { return end - begin; }
  bool operator==(const ElementRange&) const = default;
};

/// Of each tensor, by its number of elements, what is this rank's; empty ranges begin at 0.
std::vector<ElementRange> ranges_of(const std::vector<std::uint64_t>& elements, RankShare share);

/// The most elements that any rank of `world` has.
std::uint64_t largest_share(const std::vector<std::uint64_t>& elements, int world);

}  // namespace tagalign::model
