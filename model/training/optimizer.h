/// AdamW, gradient clipping and learning-rate schedules as in TERMS.md, reference §3.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

struct ScheduleOptions {
  enum class Kind { kConstant, kCosine };
  Kind kind = Kind::kConstant;
  double lr = 0;                   ///< already scaled by batch · world / 4096
  double min_lr = 0;               ///< likewise; cosine only
  std::uint64_t warmup_steps = 0;  ///< linear from 1e-4 · lr; cosine only
  std::uint64_t total_steps = 1;
};
/// Learning rate of step `step` (0-based). Past total_steps a cosine goes on as
/// torch's recursive form does.
double learning_rate(const ScheduleOptions& options, std::uint64_t step);

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-6;
  double weight_decay = 0.05;
};

/// True where the reference applies weight decay: not 1-D and the name does not end in
/// ".bias" (scalars do decay).
bool has_weight_decay(const Parameter& parameter);

/// Owns the moments; shares the parameters. One thread.
class AdamW {
 public:
  AdamW(Parameters parameters, AdamWOptions options, LateParameters late = {});

  /// Global L2 norm of the gradients, summed in parameter order, before clipping; scales
  /// them in place when it exceeds `norm_max` (torch.nn.utils.clip_grad_norm_: factor
  /// norm_max / (norm + 1e-6)).
  double clip_gradients(double norm_max);
  /// Parameters without a gradient, and those whose first step has not come, are left alone.
  /// Advances the step count.
  void step(double lr);
  /// A step that is counted and changes nothing.
  void pass_over() { ++steps_; }
  void zero_gradients();

  const Parameters& parameters() const { return parameters_; }
  const LateParameters& late() const { return late_; }
  std::uint64_t steps_done() const { return steps_; }
  /// "optimizer.exp_avg.NAME", "optimizer.exp_avg_sq.NAME"; the step count travels
  /// in the checkpoint's position. Moments of a parameter that waits are zero.
  StateDict state() const;
  /// The message names the first tensor that is missing or of another shape;
  /// nothing is changed then.
  Status load_state(const StateDict& state, std::uint64_t steps_done);

 private:
  Parameters parameters_;
  AdamWOptions options_;
  LateParameters late_;
  std::vector<at::Tensor> exp_avg_, exp_avg_sq_;
  std::uint64_t steps_ = 0;
};

}  // namespace tagalign::model
