/// Which collectives a rank uses, from its configuration.
#pragma once

#include <c10/core/Device.h>

#include <memory>
#include <string>

#include "base/status.h"
#include "configs/schema/job_configs.h"
#include "worker/collectives/collective_group.h"
#include "worker/collectives/mpi_environment.h"

namespace tagalign::jobs {

/// Collective. "auto": NCCL when the ranks compute on GPUs and this build has it, else MPI. `mpi`
/// outlives the group.
Result<std::unique_ptr<collectives::CollectiveGroup>> make_group(
    const config::RuntimeConfig& runtime, collectives::MpiEnvironment& mpi, at::Device device);

/// "cpu, 1 thread" or "cuda:0, NVIDIA H100".
std::string describe_device(at::Device device, int threads);

}  // namespace tagalign::jobs
