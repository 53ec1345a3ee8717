/// A history, the same decided again, and what it would have been under another policy. Pure.
#pragma once

#include <optional>
#include <span>

#include "coordinator/core/facts.h"
#include "coordinator/replay/figures.h"
#include "coordinator/replay/what_if.h"

namespace tagalign::replay {

struct Comparison {
  Figures history;
  Figures replayed;  ///< nothing changed: how far it is from the history says what to believe
  std::optional<Figures> what_if;  ///< nullopt: nothing was asked
};

/// `facts`: all of them from the first on, without a gap.
Comparison compare(std::span<const core::Fact> facts, const WhatIf& what_if);

}  // namespace tagalign::replay
