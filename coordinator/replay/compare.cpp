#include "coordinator/replay/compare.h"

#include "coordinator/replay/driver.h"

namespace tagalign::replay {

Comparison compare(std::span<const core::Fact> facts, const WhatIf& what_if) {
  const History history = read_history(facts);
  Comparison comparison{figures_of(history.end), figures_of(play(history, {})), {}};
  if (what_if != WhatIf{}) comparison.what_if = figures_of(play(history, what_if));
  return comparison;
}

}  // namespace tagalign::replay
