/// The configuration of a Slurm whose nodes all run on one machine. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"

namespace tagalign::lab {

struct SlurmClusterOptions {
  int nodes = 4;          ///< n1, n2, …
  int cpus_per_node = 2;  ///< what Slurm is told; the machine need not have them
  int gpus_per_node = 0;  ///< handed out by number; null devices stand in for them
  int grace_s = 20;       ///< between a preempted job's warning and its end
  int kill_wait_s = 5;    ///< between SIGTERM and SIGKILL at a job's end
  int node_down_s = 10;   ///< a node that is silent for so long is down
  /// Further lines of slurm.conf; what they set goes before what is set here.
  std::vector<std::string> extra_lines;
};

struct SlurmPlaces {
  Path folder;
  std::string host;  ///< of this machine, as gethostname() says
  int controller_port = 0;
  std::vector<int> node_ports;  ///< one a node
};

/// Two partitions over all nodes: `low` (the default), whose jobs are requeued for those of `high`.
std::string slurm_conf(const SlurmClusterOptions& options, const SlurmPlaces& places);

/// What each node offers beside cores: GPUs whose device files, FOLDER/gpu0, …, are made before.
std::string gres_conf(const SlurmClusterOptions& options, const Path& folder);

}  // namespace tagalign::lab
