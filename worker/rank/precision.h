/// Threads and number formats of a rank, set on purpose.
#pragma once

#include <c10/core/Device.h>

#include "base/status.h"
#include "configs/schema/document/choices.h"

namespace tagalign::jobs {

/// Sets Torch's threads (inter-op 1) and deterministic algorithms for the process.
void configure_torch(int threads);

/// kAuto takes a GPU when this build has CUDA and the machine has one (local rank modulo their
/// number), else the CPU. kUnsupported for kCuda where there is none.
Result<at::Device> choose_device(config::DeviceChoice wish, int local_rank);

/// Matrix work in bf16 while it lives, when `precision` is kBf16; otherwise
/// does nothing. One thread.
class AutocastScope {
 public:
  AutocastScope(config::Precision precision, at::Device device);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  bool active_;
  at::DeviceType type_;
};

}  // namespace tagalign::jobs
