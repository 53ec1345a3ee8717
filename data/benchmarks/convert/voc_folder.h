/// Where a year of Pascal VOC lies. For data/benchmarks only.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/format.h"
#include "base/utf8.h"
#include "data/benchmarks/convert/converter_parts.h"

namespace tagalign::data {

/// Whether a folder is called after a year of VOC that is not `year` ("VOC2012"): "VOC2007_trainval".
inline bool is_another_year(const std::string& name, std::string_view year) {
  constexpr std::string_view kDigits = "0123456789";
  return name.starts_with("VOC20") && name.size() >= year.size() && !name.starts_with(year) &&
         name.substr(0, year.size()).find_first_not_of(kDigits, 3) == std::string::npos;
}

/// The folder that holds all of `parts`: the one called `year` ("VOC2012"), or one that begins so
/// ("VOC2012_train_val"), or any that is not called after another year; nullptr: none.
inline const SourceFolder* find_voc(const SourceTree& tree, const std::string& year,
                                    const std::vector<std::string>& parts) {
  const auto holds = [&](const SourceFolder& folder) {
    for (const std::string& part : parts) {
      if (!folder.has_folder(part)) return false;
    }
    return true;
  };
  for (const auto& fits : std::initializer_list<std::function<bool(const std::string&)>>{
           [&](const std::string& name) { return name == year; },
           [&](const std::string& name) { return name.starts_with(year); },
           [&](const std::string& name) { return !is_another_year(name, year); }}) {
    const SourceFolder* found =
        tree.find([&](const SourceFolder& folder) { return fits(folder.name()) && holds(folder); });
    if (found != nullptr) return found;
  }
  return nullptr;
}

/// wrong_source(), with a hint where the source is VOC of another year.
inline Status no_voc(const ConverterInput& input, const SourceTree& tree,
                     const Expectation& expected, const std::string& year) {
  const Status status = wrong_source(input, tree, expected);
  const SourceFolder* other =
      tree.find([&](const SourceFolder& folder) { return is_another_year(folder.name(), year); });
  if (other == nullptr) return status;
  return not_found(format("{}. {} is another year of Pascal VOC: {} is made from {}",
                          status.message(), printable(other->name()), input.benchmark, year));
}

}  // namespace tagalign::data
