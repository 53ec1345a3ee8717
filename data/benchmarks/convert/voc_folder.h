/// Where a year of Pascal VOC lies. For data/benchmarks only.
#pragma once

#include "data/benchmarks/convert/converter_parts.h"

namespace tagalign::data {

/// The folder `year` ("VOC2012") that holds all of `parts`; a folder of another name that holds
/// them, unless it is another year's; nullptr: none.
inline const SourceFolder* find_voc(const SourceTree& tree, const std::string& year,
                                    const std::vector<std::string>& parts) {
  const auto holds = [&](const SourceFolder& folder) {
    for (const std::string& part : parts) {
      if (!folder.has_folder(part)) return false;
    }
    return true;
  };
  const SourceFolder* named =
      tree.find([&](const SourceFolder& folder) { return folder.name() == year && holds(folder); });
  if (named != nullptr) return named;
  return tree.find([&](const SourceFolder& folder) {
    return !folder.name().starts_with("VOC20") && holds(folder);
  });
}

}  // namespace tagalign::data
