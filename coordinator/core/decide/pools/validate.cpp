/// What a pool must satisfy before it becomes a fact.
#include <set>

#include "base/format.h"
#include "base/job_graph.h"
#include "base/limits.h"
#include "coordinator/core/core.h"

namespace tagalign::core {
namespace {

constexpr int kNodesMax = 4'096;
constexpr int kAllocationsMax = 1'000;
constexpr std::int64_t kDayS = 86'400;

Status refuse(const wire::PoolSpec& spec, std::string_view why) {
  return invalid_argument(format("pool '{}': {}", spec.name, why));
}

struct Range {
  std::string_view option;
  std::int64_t found;
  std::int64_t low;
  std::int64_t high;
};

Status check_ranges(const wire::PoolSpec& spec, const std::vector<Range>& ranges) {
  for (const Range& range : ranges) {
    if (range.found >= range.low && range.found <= range.high) continue;
    return refuse(spec, format("{}: expected {} to {}, found {}", range.option, range.low,
                               range.high, range.found));
  }
  return ok_status();
}

Status check(const wire::PoolSpec& spec, const wire::SlurmSource& slurm) {
  TA_RETURN_IF_ERROR(
      check_ranges(spec, {{"--nodes", slurm.nodes, 1, kNodesMax},
                          {"--gpus-per-node", slurm.gpus_per_node, 0, 64},
                          {"--cpus-per-node", slurm.cpus_per_node, 0, limits::kRanksPerJobMax},
                          {"--max", slurm.max, 1, kAllocationsMax},
                          {"--backlog", slurm.backlog, 1, kAllocationsMax},
                          {"--time in seconds", slurm.time_limit_s, 60, 366 * kDayS},
                          {"--idle in milliseconds", slurm.idle_ms, 1'000, 7 * kDayS * 1'000}}));
  if (slurm.backlog > slurm.max) {
    return refuse(spec, format("--backlog {} is more than --max {}: at most --max allocations may "
                               "wait or run together; lower the one or raise the other",
                               slurm.backlog, slurm.max));
  }
  if (slurm.signal_before_end_s < 1 || slurm.signal_before_end_s >= slurm.time_limit_s) {
    return refuse(spec, format("--signal-before {} s: expected 1 to less than --time, which is {} "
                               "s; jobs save in between",
                               slurm.signal_before_end_s, slurm.time_limit_s));
  }
  for (const std::string& argument : slurm.sbatch_args) {
    if (argument.starts_with('-')) continue;
    return refuse(spec, format("--sbatch-arg '{}' is no option of sbatch; write it as one word, "
                               "such as --sbatch-arg=--qos=long",
                               argument));
  }
  return ok_status();
}

Status check(const wire::PoolSpec& spec, const wire::SshSource& ssh) {
  if (ssh.hosts.empty()) return refuse(spec, "it has no host; name at least one");
  std::set<std::string> agents;
  for (const wire::SshHost& host : ssh.hosts) {
    TA_RETURN_IF_ERROR(
        check_ranges(spec, {{"slots of " + host.host, host.slots, 0, limits::kRanksPerJobMax}}));
    const bool legal = !host.host.empty() && host.host.front() != '-' &&
                       host.host.find_first_of(" \t'\"\\$;/") == std::string::npos;
    if (!legal) {
      return refuse(spec, format("'{}' is no host as ssh knows them; write HOST, USER@HOST or "
                                 "HOST:SLOTS",
                                 host.host));
    }
    if (agents.insert(ssh_agent_id(spec.name, host.host)).second) continue;
    return refuse(spec,
                  format("host '{}' is named twice; name it once, with all its slots", host.host));
  }
  return ok_status();
}

}  // namespace

Status validate(const wire::PoolSpec& spec) {
  if (!is_job_name(spec.name) ||
      spec.name.size() > static_cast<std::size_t>(limits::kJobNameCharsMax)) {
    return refuse(spec, format("a name has 1 to {} characters, [a-z0-9] and then [a-z0-9_.-]; give "
                               "another --name",
                               limits::kJobNameCharsMax));
  }
  if (spec.name == "local") return refuse(spec, "that is the coordinator's own; take another name");
  return std::visit([&](const auto& source) { return check(spec, source); }, spec.source);
}

}  // namespace tagalign::core
