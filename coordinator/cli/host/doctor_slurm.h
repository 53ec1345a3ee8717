/// What `tagalign doctor --slurm` concludes from what Slurm's commands print. Pure; they are run by
/// what lies in examine_slurm_posix.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "coordinator/cli/host/doctor.h"

namespace tagalign::cli {

/// Of `sinfo -h -o %P|%a|%l|%D|%T`; `wanted` empty: the default partition, which Slurm marks by '*'.
Check judge_partition(std::string_view sinfo, const std::string& wanted);
/// Of `srun --mpi=list`, both streams.
Check judge_mpi_types(std::string_view list);

/// What one step on a compute node was asked to print, and around which time it was.
struct NodeQuestion {
  std::string token;     ///< written here into a file that it reads there
  std::string endpoint;  ///< of the coordinator; empty: none runs
  double before_s = 0;   ///< Unix time here before and after the step
  double after_s = 0;
};
/// A shell's script that answers it; `file` holds the token.
std::string node_script(const Path& file, const std::string& endpoint);
/// Judges its output: the folder that both sides share, the clocks, the way to the coordinator.
std::vector<Check> judge_node(std::string_view output, const NodeQuestion& question);

}  // namespace tagalign::cli
