/// CLIP's byte-pair merges: a word's bytes to vocabulary ids.
#pragma once

#include <cstdint>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"

namespace tagalign::model {

/// Immutable. Ids: 0 … 255 single bytes in CLIP's order, 256 … 511 the same at a word's end,
/// then one per merge.
class BytePairs {
 public:
  static constexpr std::size_t kMerges = 49152 - 256 - 2;

  /// The unpacked merge list: a version line, then "left right" by rank; lines
  /// beyond kMerges are ignored.
  static Result<BytePairs> parse(std::string_view merge_list);

  /// Ids of one word, in O(n log n). `word` is not empty.
  std::vector<std::int32_t> encode(std::string_view word) const;

 private:
  struct Merge {
    std::int32_t rank = 0;
    std::int32_t id = 0;
  };
  struct Piece {
    std::int32_t id = 0;
    std::int32_t previous = 0, next = 0;  ///< indices of neighbours, −1 at the ends
  };
  struct Candidate {
    std::int32_t rank = 0, left = 0, right = 0;
    std::int32_t left_id = 0, right_id = 0;  ///< the candidate is stale when a piece has changed
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : left > other.left;
    }
  };
  using Queue = std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>>;
  void push_candidate(Queue& queue, const std::vector<Piece>& pieces, std::int32_t left) const;

  std::unordered_map<std::uint64_t, Merge> merges_;  // by left id, right id
};

}  // namespace tagalign::model
