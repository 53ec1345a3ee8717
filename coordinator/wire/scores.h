/// Scores from the integer counts of a result. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "coordinator/wire/messages.h"

namespace tagalign::wire {

/// nullopt where there is nothing to divide by.
inline std::optional<double> ratio(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

/// Over those that have a value; nullopt where none has.
inline std::optional<double> mean(const std::vector<std::optional<double>>& values) {
  double sum = 0;
  std::size_t count = 0;
  for (const auto& value : values) {
    if (!value) continue;
    sum += *value;
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

/// Per class: intersect / union; nullopt without a pixel in the union. 0…1.
inline std::vector<std::optional<double>> ious(const EvaluationResult& result) {
  std::vector<std::optional<double>> values;
  for (std::size_t i = 0; i < result.classes.size(); ++i)
    values.push_back(ratio(result.intersect[i], result.union_[i]));
  return values;
}

inline std::optional<double> mean_iou(const EvaluationResult& result) {
  return mean(ious(result));
}

}  // namespace tagalign::wire
