/// Where the slots' time went, from the history alone: exact sums, in milliseconds times slots. Pure.
///
/// Every attempt holds its slots from the moment it was placed until its end. How its ranks spent
/// that time their agents have told (wire::AttemptSpent); what they did after the last commit of an
/// attempt that was cut off is lost, as it is repeated by the next or was for nothing. What jobs
/// wait for is counted with the slots that they would hold.
#pragma once

#include <cstdint>

#include "coordinator/core/state.h"

namespace tagalign::core {

struct Ledger {
  std::int64_t waited = 0;    ///< ready or not, held or not, between submission and end
  std::int64_t starting = 0;  ///< launcher, processes, MPI; and whatever no rank has told
  std::int64_t loading = 0;   ///< data sets, weights, prompts
  std::int64_t training = 0;
  std::int64_t evaluating = 0;  ///< and other work by pieces, and waiting for ranks that have more
  std::int64_t saving = 0;
  std::int64_t untold = 0;  ///< work that lasts, of live attempts and of old logs: not told apart
  std::int64_t lost = 0;    ///< repeated by the next attempt, or for nothing
  std::int64_t hung = 0;    ///< from the last move of a rank that was taken for hung until its end
  int attempts = 0;

  /// What its ranks did, or loaded, for good.
  std::int64_t lasting() const { return loading + training + evaluating + saving + untold; }
  /// All that held slots.
  std::int64_t held() const { return starting + lasting() + lost + hung; }
  Ledger& operator+=(const Ledger& other);
  bool operator==(const Ledger&) const = default;
};

/// Of a live job until `now_ms`; what its attempt did since the last commit counts as lasting.
Ledger ledger_of(const Job& job, UnixMs now_ms);

}  // namespace tagalign::core
