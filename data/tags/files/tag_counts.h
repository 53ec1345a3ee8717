/// In how many captions each tag occurs, counted in parts and merged exactly.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/tags/words/wordnet.h"

namespace tagalign::data {

using TagId = std::uint32_t;

struct TagCount {
  std::string tag;
  std::uint64_t captions = 0;
  bool operator==(const TagCount&) const = default;
};

/// Counts of one part of the captions. Numbers its tags from 0 in the order in which they come.
class TagCounts {
 public:
  /// One more caption has the tag: call it once a caption and tag.
  TagId add(std::string_view tag);
  std::span<const TagCount> all() const { return all_; }

 private:
  TextMap<TagId> ids_;
  std::vector<TagCount> all_;
};

struct TagLimits {
  std::size_t tags_max = 0;            ///< the most frequent ones
  std::uint64_t captions_min = 0;      ///< rarer tags are dropped
  std::size_t drop_most_frequent = 0;  ///< so many are left out first
};

/// The sum of the parts in its order: count descending, then bytes. The same for any way to divide
/// the captions into parts.
std::vector<TagCount> merge(std::span<const TagCounts* const> parts);
std::vector<TagCount> kept(std::vector<TagCount> ordered, const TagLimits& limits);

/// For a part: its TagId → index in `list`; -1 for a tag that the list has not.
std::vector<std::int32_t> indices_in(const TagCounts& part, std::span<const TagCount> list);

}  // namespace tagalign::data
