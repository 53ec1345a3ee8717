/// What a history was worth: one measure for what was and for what would have been. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "coordinator/core/ledger.h"
#include "coordinator/core/state.h"

namespace tagalign::replay {

struct Figures {
  std::int64_t makespan_ms = 0;      ///< from the first submission to the last end
  std::int64_t waiting_mean_ms = 0;  ///< of jobs that started: since nothing but slots was missing
  std::int64_t waiting_p90_ms = 0;
  core::Ledger ledger;                      ///< of all jobs
  std::map<std::string, std::size_t> jobs;  ///< by state; live ones as "not ended"

  /// Of the time that slots were held, the share that lasts; 0 to 1.
  double goodput() const;
};

/// Of a state from which nothing was archived.
Figures figures_of(const core::State& state);

}  // namespace tagalign::replay
