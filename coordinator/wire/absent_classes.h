/// Which classes of a result no label shows: their IoU says nothing of the model, and is 0 by
/// construction wherever they are predicted (as in the reference, whose mean counts them then).
#pragma once

#include <string>

#include "base/format.h"
#include "coordinator/wire/messages.h"

namespace tagalign::wire {

/// "1 of 2 classes occurs in no label: fg", ten of them by name; empty when every class occurs.
inline std::string absent_classes_text(const EvaluationResult& result) {
  constexpr std::size_t kNamed = 10;
  std::string names;
  std::size_t absent = 0;
  for (std::size_t i = 0; i < result.labelled.size() && i < result.classes.size(); ++i) {
    if (result.labelled[i] > 0) continue;
    if (absent++ < kNamed) names += (names.empty() ? "" : ", ") + result.classes[i];
  }
  if (absent == 0) return "";
  if (absent > kNamed) names += format(" and {} more", absent - kNamed);
  return format("{} of {} classes {} in no label: {}", absent, result.classes.size(),
                absent == 1 ? "occurs" : "occur", names);
}

}  // namespace tagalign::wire
