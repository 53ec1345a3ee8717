/// What runs of gangs on this machine, whatever namespaces it runs in: for tests that kill parts of
/// them and see what becomes of the rest.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_system.h"

namespace tagalign::lab {

/// A process of an attempt.
struct GangProcess {
  pid_t pid = 0;
  std::uint32_t attempt = 0;
  int rank = -1;        ///< −1: a launcher or a daemon
  std::string program;  ///< "rank_program", "mpirun", "orted"
};

/// Of all attempts whose logs lie below `folder`; zombies are gone.
std::vector<GangProcess> gang_processes(const Path& folder);

/// A workflow, below `folder`, of one job that runs on rank_program until it is asked to leave.
Path write_endless_workflow(const Path& folder, int ranks);

/// The folder of the running test, where rank_program lies too.
Path test_programs();

}  // namespace tagalign::lab
