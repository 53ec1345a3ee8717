/// Which collectives a rank uses, from its configuration.
#pragma once

#include <c10/core/Device.h>

#include <memory>
#include <string>

#include "base/status.h"
#include "configs/schema/jobs/job_configs.h"
#include "worker/collectives/collective_group.h"
#include "worker/collectives/mpi_environment.h"

namespace tagalign::jobs {

/// The group that a job uses, and what it needs to live.
struct Groups {
  std::unique_ptr<collectives::CollectiveGroup> host;    ///< MPI
  std::unique_ptr<collectives::CollectiveGroup> device;  ///< NCCL, over `host`; null on the CPU
  collectives::CollectiveGroup& main() { return device ? *device : *host; }
};

/// Collective. "auto": NCCL when the ranks compute on GPUs and this build has it, else MPI.
/// `mpi` outlives the groups.
Result<Groups> make_groups(const config::RuntimeConfig& runtime, collectives::MpiEnvironment& mpi,
                           at::Device device);

/// "cpu, 1 thread" or "cuda:0, NVIDIA H100".
std::string describe_device(at::Device device, int threads);

}  // namespace tagalign::jobs
