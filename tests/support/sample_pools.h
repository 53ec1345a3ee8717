/// Pools with a value in every field, for tests of the wire, the store and the command line.
#pragma once

#include "coordinator/wire/pool_messages.h"

namespace tagalign::wire {

inline PoolSpec sample_pool() {
  return {"a100", GangLauncher::kSrun,
          SlurmSource{.partition = "gpu",
                      .account = "lab",
                      .nodes = 2,
                      .gpus_per_node = 4,
                      .cpus_per_node = 32,
                      .time_limit_s = 28'800,
                      .signal_before_end_s = 240,
                      .sbatch_args = {"--qos=long"},
                      .backlog = 2,
                      .max = 4,
                      .idle_ms = 60'000}};
}

inline PoolSpec sample_ssh_pool() {
  return {"lab", GangLauncher::kSrun,
          SshSource{{{"desk1", 2}, {"me@desk2", 4}}, "/shared/state", "/opt/bin/tagalign"}};
}

inline PoolsReply sample_pools() {
  PoolSummary slurm{sample_pool(), "paused", "sbatch refused", 2, 8, 5, {}, {}};
  slurm.allocations = {{.name = "tagalign-a100-3",
                        .number = "4711",
                        .state = "running",
                        .reason = "Priority",
                        .nodes = "n[1-2]",
                        .agents = 2,
                        .asked_ms = 6,
                        .started_ms = 7,
                        .ends_ms = 8,
                        .restarts = 1}};
  slurm.events = {{9, "added"}};
  PoolSummary ssh = slurm;
  ssh.spec = sample_ssh_pool();
  return {{slurm, ssh}, {"the coordinator listens on 127.0.0.1"}};
}

}  // namespace tagalign::wire
