/// What `tagalign doctor` finds, apart from looking at the machine (examine_posix.cpp).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_system.h"

namespace tagalign::cli {

enum class Health : std::uint8_t { kOk, kWarning, kError };
std::string health_name(Health health);

struct Check {
  std::string name;  ///< "mpirun"
  Health health = Health::kOk;
  std::string found;   ///< "2 ranks see each other"
  std::string remedy;  ///< what mends it; empty when all is well
};

/// Judges the output of `mpirun -n RANKS tagalign-worker probe`: one JSON object a line and rank,
/// e.g.
/// {"rank":0,"host":2,"torch":"2.11.0","cuda_build":false,"gpus":0,"nccl":"none"}; other
/// lines are passed over.
std::vector<Check> judge_probe(const std::string& output, int ranks);

/// All checks of this machine for `state`; `worker`: the program tagalign-worker.
std::vector<Check> examine_machine(const Path& state, const Path& worker);

/// All checks of the Slurm cluster; one is a short step on a node of `partition` (empty: Slurm's).
std::vector<Check> examine_slurm(const Path& state, const std::string& partition);

}  // namespace tagalign::cli
