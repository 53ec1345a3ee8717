/// Pools of agents that the coordinator brings up by itself: what a person asks for, and what the
/// command line is told about it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "coordinator/wire/messages.h"

namespace tagalign::wire {

/// Nodes from Slurm: each allocation has `nodes` whole nodes and an agent on each.
struct SlurmSource {
  std::string partition;  ///< empty: the site's default
  std::string account;    ///< empty: the user's default
  int nodes = 1;          ///< of one allocation
  int gpus_per_node = 0;
  int cpus_per_node = 0;  ///< 0: the site's default
  std::int64_t time_limit_s = 3600;
  std::int64_t signal_before_end_s = 180;  ///< jobs are asked to save that long before the limit
  std::vector<std::string> sbatch_args;    ///< handed to sbatch as they are
  int backlog = 1;                         ///< allocations that wait in the queue while jobs wait
  int max = 1;                             ///< allocations at a time, waiting ones included
  std::int64_t idle_ms = 300'000;  ///< an allocation without work for that long is given back
  bool operator==(const SlurmSource&) const = default;
};
struct SshHost {
  std::string host;  ///< as ssh knows it: HOST or USER@HOST
  int slots = 0;     ///< 0: what the agent finds there
  bool operator==(const SshHost&) const = default;
};
/// One agent on each host, started over ssh and kept running.
struct SshSource {
  std::vector<SshHost> hosts;
  std::string state;    ///< folder there with endpoint and agent key
  std::string program;  ///< tagalign there
  bool operator==(const SshSource&) const = default;
};
struct PoolSpec {
  std::string name;  ///< [a-z0-9][a-z0-9_.-]*
  GangLauncher launcher = GangLauncher::kMpirun;
  std::variant<SlurmSource, SshSource> source;
  bool operator==(const PoolSpec&) const = default;
};

enum class PoolVerb : std::uint8_t { kPause = 1, kResume = 2, kRemove = 3 };

struct PoolAddRequest {
  PoolSpec spec;
  bool operator==(const PoolAddRequest&) const = default;
};
/// All pools, or the one of that name with its allocations and events.
struct PoolsRequest {
  std::string name;
  bool operator==(const PoolsRequest&) const = default;
};
struct PoolVerbRequest {
  std::string name;
  PoolVerb verb = PoolVerb::kPause;
  bool operator==(const PoolVerbRequest&) const = default;
};

/// A Slurm job of a pool, or the agent on one host of an ssh pool.
struct AllocationSummary {
  std::string name;    ///< of the Slurm job, or the host
  std::string number;  ///< Slurm's; empty: not known yet, or ssh
  std::string state;   ///< in a word or two, as people read it
  std::string reason;  ///< why it waits, or leaves
  std::string nodes;
  int agents = 0;  ///< connected
  UnixMs asked_ms = 0;
  UnixMs started_ms = 0;
  UnixMs ends_ms = 0;  ///< 0: not known, or never
  int restarts = 0;    ///< how often Slurm requeued it
  bool operator==(const AllocationSummary&) const = default;
};
struct PoolEventRow {
  UnixMs at_ms = 0;
  std::string text;
  bool operator==(const PoolEventRow&) const = default;
};
struct PoolSummary {
  PoolSpec spec;
  std::string state;   ///< open | waiting | paused | removing
  std::string reason;  ///< of that state; empty: all is well
  int agents = 0;      ///< connected
  int slots = 0;       ///< of these
  UnixMs added_ms = 0;
  std::vector<AllocationSummary> allocations;
  std::vector<PoolEventRow> events;  ///< oldest first; only when one pool was asked for
  bool operator==(const PoolSummary&) const = default;
};
struct PoolsReply {
  std::vector<PoolSummary> pools;
  std::vector<std::string> notices;  ///< what a person should mend
  bool operator==(const PoolsReply&) const = default;
};

}  // namespace tagalign::wire
