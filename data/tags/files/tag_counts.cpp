#include "data/tags/files/tag_counts.h"

#include <algorithm>

namespace tagalign::data {

void TagCounts::add(std::string_view tag) {
  if (const auto found = counts_.find(tag); found != counts_.end()) {
    ++found->second;
  } else {
    counts_.emplace(tag, 1);
  }
}

std::vector<TagCount> ordered(const TagCounts& counts) {
  std::vector<TagCount> all;
  all.reserve(counts.all().size());
  for (const auto& [tag, captions] : counts.all()) all.push_back({tag, captions});
  std::sort(all.begin(), all.end(), [](const TagCount& a, const TagCount& b) {
    return a.captions != b.captions ? a.captions > b.captions : a.tag < b.tag;
  });
  return all;
}

std::vector<TagCount> kept(std::vector<TagCount> ordered, const TagLimits& limits) {
  const std::size_t dropped = std::min(limits.drop_most_frequent, ordered.size());
  ordered.erase(ordered.begin(), ordered.begin() + static_cast<std::ptrdiff_t>(dropped));
  ordered.resize(std::min(ordered.size(), limits.tags_max));
  while (!ordered.empty() && ordered.back().captions < limits.captions_min) ordered.pop_back();
  return ordered;
}

}  // namespace tagalign::data
