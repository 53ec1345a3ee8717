#include "worker/rank/groups.h"
#include "base/format.h"
#include "worker/collectives/mpi_environment.h"
#if TAGALIGN_HAS_NCCL
#include "worker/collectives/nccl_group.h"
#endif

namespace tagalign::jobs {
namespace {

using config::CollectivesChoice;

Status add_nccl([[maybe_unused]] Groups& groups, [[maybe_unused]] at::Device device,
                [[maybe_unused]] std::int64_t timeout_ms) {
#if TAGALIGN_HAS_NCCL
  TA_ASSIGN_OR_RETURN(groups.device,
                      collectives::make_nccl_group(*groups.host, device.index(), timeout_ms));
  return ok_status();
#else
  return unsupported(
      "runtime.collectives: nccl was asked for, but this build has no CUDA; use mpi or auto");
#endif
}

}  // namespace

Result<Groups> make_groups(const config::RuntimeConfig& runtime, collectives::MpiEnvironment& mpi,
                           at::Device device) {
  const std::int64_t timeout_ms = std::int64_t{1000} * runtime.collective_timeout_s;
  if (runtime.collectives == CollectivesChoice::kNccl && device.is_cpu()) {
    return unsupported(
        "runtime.collectives: nccl needs ranks on GPUs, but this one computes on the CPU; use mpi "
        "or auto");
  }
  Groups groups;
  TA_ASSIGN_OR_RETURN(groups.host, collectives::make_mpi_group(mpi, timeout_ms));
  const bool automatic = runtime.collectives == CollectivesChoice::kAuto && TAGALIGN_HAS_NCCL != 0;
  if (device.is_cuda() && (runtime.collectives == CollectivesChoice::kNccl || automatic)) {
    TA_RETURN_IF_ERROR(add_nccl(groups, device, timeout_ms));
  }
  return groups;
}

std::string describe_device(at::Device device, int threads) {
  if (device.is_cuda()) return device.str();
  constexpr bool kCudaBuild = TAGALIGN_HAS_NCCL != 0;
  return format("cpu, {} thread{}{}", threads, threads == 1 ? "" : "s",
                kCudaBuild ? " (CUDA build, no GPU used)" : "");
}

}  // namespace tagalign::jobs
