#include "data/tags/files/tag_counts.h"

#include <algorithm>

namespace tagalign::data {

TagId TagCounts::add(std::string_view tag) {
  const auto found = ids_.find(tag);
  if (found != ids_.end()) {
    ++all_[found->second].captions;
    return found->second;
  }
  const auto id = static_cast<TagId>(all_.size());
  ids_.emplace(tag, id);
  all_.push_back({std::string(tag), 1});
  return id;
}

std::vector<TagCount> merge(std::span<const TagCounts* const> parts) {
  TextMap<std::uint64_t> sums;
  for (const TagCounts* part : parts) {
    for (const TagCount& each : part->all()) sums[each.tag] += each.captions;
  }
  std::vector<TagCount> all;
  all.reserve(sums.size());
  for (const auto& [tag, captions] : sums) all.push_back({tag, captions});
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

std::vector<std::int32_t> indices_in(const TagCounts& part, std::span<const TagCount> list) {
  TextMap<std::int32_t> places;
  for (std::size_t i = 0; i < list.size(); ++i)
    places.emplace(list[i].tag, static_cast<std::int32_t>(i));
  std::vector<std::int32_t> indices;
  for (const TagCount& each : part.all()) {
    const auto found = places.find(each.tag);
    indices.push_back(found == places.end() ? -1 : found->second);
  }
  return indices;
}

}  // namespace tagalign::data
