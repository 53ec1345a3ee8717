/// In how many captions each tag occurs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/tags/words/wordnet.h"

namespace tagalign::data {

struct TagCount {
  std::string tag;
  std::uint64_t captions = 0;
  bool operator==(const TagCount&) const = default;
};

class TagCounts {
 public:
  /// One more caption has the tag: call it once a caption and tag.
  void add(std::string_view tag);
  const TextMap<std::uint64_t>& all() const { return counts_; }

 private:
  TextMap<std::uint64_t> counts_;
};

struct TagLimits {
  std::size_t tags_max = 0;            ///< the most frequent ones
  std::uint64_t captions_min = 0;      ///< rarer tags are dropped
  std::size_t drop_most_frequent = 0;  ///< so many are left out first
};

/// Count descending, then bytes.
std::vector<TagCount> ordered(const TagCounts& counts);
std::vector<TagCount> kept(std::vector<TagCount> ordered, const TagLimits& limits);

}  // namespace tagalign::data
