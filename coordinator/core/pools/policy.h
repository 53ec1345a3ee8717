/// The numbers by which pools are run, and what is remembered about them beside the history.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "coordinator/core/pools/pools.h"

namespace tagalign::core {

/// Milliseconds. The default is what the program uses.
struct PoolPolicy {
  std::int64_t look_ms = 1'000;         ///< pools are looked at that often
  std::int64_t queue_ms = 10'000;       ///< between two squeue
  std::int64_t queue_soon_ms = 3'000;   ///< while something was just submitted or cancelled
  std::int64_t queue_slow_ms = 60'000;  ///< the most, while squeue fails
  std::int64_t back_off_ms_min = 60'000;
  std::int64_t back_off_ms_max = 3'600'000;
  int failures_max = 6;  ///< refused or dead allocations in a row, then the pool pauses
  /// A call without outcome after that is given up; the service ends its program earlier.
  std::int64_t call_ms_max = 120'000;
  /// An sbatch without answer may still come true that long.
  std::int64_t unknown_ms = 180'000;
  /// Missing in squeue, and not known to sacct, for that long: it has ended.
  std::int64_t vanished_ms = 30'000;
  /// Running for that long without an agent that says hello: it is given up.
  std::int64_t join_ms_max = 600'000;
  std::int64_t idle_leave_ms = 30'000;  ///< for idle agents that were asked to leave
  /// Beyond what saving may take, for agents whose jobs save first.
  std::int64_t leave_margin_ms = 60'000;
  std::int64_t cancel_again_ms = 30'000;
  std::size_t events_max = 64;
};

struct CallOnItsWay {
  std::uint64_t call = 0;
  SlurmCall what;
  UnixMs since_ms = 0;
};

/// Lost with every restart, and looked up again.
struct PoolMemory {
  std::uint64_t calls = 0;  ///< so far; numbers are not given twice
  std::optional<CallOnItsWay> on_its_way;
  UnixMs looked_ms = 0;
  UnixMs queue_asked_ms = 0;
  bool queue_soon = true;
  bool queue_known = false;  ///< squeue has answered in full since this coordinator started
  int queue_failures = 0;    ///< in a row
  std::map<std::string, UnixMs> idle_since;      ///< by token
  std::map<std::string, UnixMs> unneeded_since;  ///< by pool: allocations wait and no job does
  std::map<std::string, UnixMs> missing_since;   ///< by token: squeue does not show it
  std::map<std::string, std::string> accounted;  ///< by token: what sacct said since it is missing
  std::map<std::string, UnixMs> cancelled;       ///< by number: when scancel was called
  std::map<std::string, std::string> strays;     ///< number → job name, of ours and of no pool
  std::map<std::string, UnixMs> shutdown_sent;   ///< by agent, not long ago
  std::set<std::pair<std::string, std::string>> ssh_started;  ///< pool, host: by this coordinator
  UnixMs sweep_until_ms = 0;  ///< a pool was removed: squeue is asked until then
};

}  // namespace tagalign::core
