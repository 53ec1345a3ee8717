/// The learning-rate schedule that a configuration describes.
#pragma once

#include <cstdint>

#include "configs/schema/jobs/job_configs.h"
#include "model/training/optimizer.h"

namespace tagalign::jobs {

/// Rates are scaled by global_batch / lr_reference_batch, as in the reference.
inline model::ScheduleOptions schedule_of(const config::OptimizerConfig& optimizer,
                                          int global_batch, std::uint64_t steps) {
  using Kind = model::ScheduleOptions::Kind;
  const double scale = global_batch / optimizer.lr_reference_batch;
  return {
      .kind = optimizer.schedule == config::ScheduleKind::kCosine ? Kind::kCosine : Kind::kConstant,
      .lr = optimizer.base_lr * scale,
      .min_lr = optimizer.min_lr * scale,
      .warmup_steps = optimizer.warmup_steps,
      .total_steps = steps};
}

}  // namespace tagalign::jobs
