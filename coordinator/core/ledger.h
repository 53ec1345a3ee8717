/// Where the slots' time went, from the history alone: exact sums, in milliseconds times slots. Pure.
///
/// Every attempt holds its slots from the moment it was placed until its end; that time is split into
/// starting, work that lasts, and work that was lost or done again. What jobs wait for is counted with
/// the slots that they would hold.
#pragma once

#include <cstdint>

#include "coordinator/core/state.h"

namespace tagalign::core {

struct Ledger {
  std::int64_t waited = 0;    ///< ready or not, held or not, between submission and end
  std::int64_t starting = 0;  ///< until all ranks ran
  std::int64_t lasting = 0;   ///< until the last commit of an attempt, or its end if that was good
  std::int64_t lost = 0;      ///< after it: repeated by the next attempt, or for nothing
  int attempts = 0;

  /// All that held slots: starting, lasting and lost.
  std::int64_t held() const { return starting + lasting + lost; }
  Ledger& operator+=(const Ledger& other);
  bool operator==(const Ledger&) const = default;
};

/// Of a live job until `now_ms`; what its attempt did since the last commit counts as lasting.
Ledger ledger_of(const Job& job, UnixMs now_ms);

}  // namespace tagalign::core
