#include "worker/jobs/groups.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>

#include "base/format.h"
#include "worker/collectives/mpi_environment.h"
#if TAGALIGN_HAS_NCCL
#include "worker/collectives/nccl_group.h"
#endif

namespace tagalign::jobs {
namespace {

using collectives::CollectiveGroup;

Result<std::unique_ptr<CollectiveGroup>> make_nccl(
    [[maybe_unused]] collectives::MpiEnvironment& mpi, [[maybe_unused]] at::Device device,
    [[maybe_unused]] std::int64_t timeout_ms) {
#if TAGALIGN_HAS_NCCL
  return collectives::make_nccl_group(mpi, device.index(), timeout_ms);
#else
  return unsupported(
      "runtime.collectives: nccl was asked for, but this build has no CUDA; use mpi or auto");
#endif
}

}  // namespace

Result<std::unique_ptr<CollectiveGroup>> make_group(const config::RuntimeConfig& runtime,
                                                    collectives::MpiEnvironment& mpi,
                                                    at::Device device) {
  const std::int64_t timeout_ms = std::int64_t{1000} * runtime.collective_timeout_s;
  if (runtime.collectives == "nccl" && device.is_cpu()) {
    return unsupported(
        "runtime.collectives: nccl needs ranks on GPUs, but this one computes on the CPU; use mpi "
        "or auto");
  }
  const bool nccl = device.is_cuda() && (runtime.collectives == "nccl" ||
                                         (runtime.collectives == "auto" && TAGALIGN_HAS_NCCL != 0));
  if (nccl) return make_nccl(mpi, device, timeout_ms);
  return collectives::make_mpi_group(mpi, timeout_ms);
}

std::string describe_device(at::Device device, int threads) {
  if (device.is_cuda()) return device.str();
  const bool cuda_build = at::hasCUDA();
  return format("cpu, {} thread{}{}", threads, threads == 1 ? "" : "s",
                cuda_build ? " (CUDA build, no GPU used)" : "");
}

}  // namespace tagalign::jobs
