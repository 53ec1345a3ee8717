/// Shares of an attempt, counted and in words. Pure; header only, since both programs show them.
#pragma once

#include <string>

#include "base/format.h"
#include "coordinator/wire/messages.h"

namespace tagalign::wire {

inline int ranks_of(const Share& share, int slots_per_rank) {
  return static_cast<int>(share.slots.size()) / slots_per_rank;
}

/// "rank 3", "ranks 0 to 2".
inline std::string ranks_text(const Share& share, int slots_per_rank) {
  const int ranks = ranks_of(share, slots_per_rank);
  if (ranks == 1) return format("rank {}", share.first_rank);
  return format("ranks {} to {}", share.first_rank, share.first_rank + ranks - 1);
}

/// "a100-17-n1: ranks 0 to 2, slots 0,1,2".
inline std::string shown(const Share& share, int slots_per_rank) {
  return format("{}: {}, slots {}", share.agent.value, ranks_text(share, slots_per_rank),
                fmt::join(share.slots, ","));
}

}  // namespace tagalign::wire
