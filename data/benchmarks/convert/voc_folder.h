/// Where a year of Pascal VOC lies. For data/benchmarks only.
#pragma once

#include <functional>
#include <initializer_list>

#include "data/benchmarks/convert/converter_parts.h"

namespace tagalign::data {

/// The folder that holds all of `parts`: the one called `year` ("VOC2012"), or one that begins so
/// ("VOC2012_train_val"), or any that is not exactly another year's; nullptr: none.
inline const SourceFolder* find_voc(const SourceTree& tree, const std::string& year,
                                    const std::vector<std::string>& parts) {
  const auto holds = [&](const SourceFolder& folder) {
    for (const std::string& part : parts) {
      if (!folder.has_folder(part)) return false;
    }
    return true;
  };
  const auto is_another_year = [&](const std::string& name) {
    constexpr std::string_view kDigits = "0123456789";
    return name != year && name.size() == year.size() && name.starts_with("VOC20") &&
           name.find_first_not_of(kDigits, 3) == std::string::npos;
  };
  for (const auto& fits : std::initializer_list<std::function<bool(const std::string&)>>{
           [&](const std::string& name) { return name == year; },
           [&](const std::string& name) { return name.starts_with(year); },
           [&](const std::string& name) { return !is_another_year(name); }}) {
    const SourceFolder* found =
        tree.find([&](const SourceFolder& folder) { return fits(folder.name()) && holds(folder); });
    if (found != nullptr) return found;
  }
  return nullptr;
}

}  // namespace tagalign::data
