#include "worker/rank/precision.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>

namespace tagalign::jobs {

void configure_torch(int threads) {
  at::set_num_threads(threads);
  at::set_num_interop_threads(1);
  at::globalContext().setDeterministicAlgorithms(true, false);
}

Result<at::Device> choose_device(config::DeviceChoice wish, int local_rank) {
  const auto gpus = at::hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().deviceCount()) : 0;
  if (wish == config::DeviceChoice::kCuda && gpus == 0) {
    return unsupported(
        "runtime.device: cuda was asked for, but no GPU was found or this build has no CUDA "
        "(tagalign-worker probe tells which); use device: auto or cpu");
  }
  if (wish == config::DeviceChoice::kCpu || gpus == 0) return at::Device(at::kCPU);
  return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(local_rank % gpus));
}

AutocastScope::AutocastScope(config::Precision precision, at::Device device)
    : active_(precision == config::Precision::kBf16), type_(device.type()) {
  if (!active_) return;
  at::autocast::set_autocast_dtype(type_, at::kBFloat16);
  at::autocast::set_autocast_enabled(type_, true);
  at::autocast::increment_nesting();
}

AutocastScope::~AutocastScope() {
  if (!active_) return;
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(type_, false);
}

}  // namespace tagalign::jobs
