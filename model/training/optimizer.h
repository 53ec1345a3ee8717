/// AdamW, gradient clipping and learning-rate schedules as in TERMS.md, reference §3.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "model/training/rank_share.h"
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
///
/// Shared by several ranks (RankShare), each keeps the moments of its own elements and updates
/// those: step() leaves the parameters alone, and new_values() holds what they become. The ranks
/// gather and adopt() them before the parameters are used again. The bits are those of a whole one.
class AdamW {
 public:
  AdamW(Parameters parameters, AdamWOptions options, LateParameters late = {},
        RankShare share = {});

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

  bool is_shared() const { return share_.world > 1; }
  /// [N] this rank's elements of all parameters after the step, then zeros; N is that of all ranks.
  const at::Tensor& new_values() const { return new_values_; }
  /// [world · N] those of all ranks, in rank order, become the parameters.
  void adopt(const at::Tensor& gathered);

  const Parameters& parameters() const { return parameters_; }
  const LateParameters& late() const { return late_; }
  std::uint64_t steps_done() const { return steps_; }
  /// "optimizer.exp_avg.NAME", "optimizer.exp_avg_sq.NAME": the moments themselves, no copies, and
  /// none when shared. A parameter that waits has zeros. The step count is part of the position.
  StateDict state() const;
  /// Likewise, of a shared one: every name, on every rank; empty when it is whole.
  PartDict parts() const;
  /// What state() has, or the elements of it that parts() names, one-dimensional. The message names
  /// the first tensor that is missing or of another shape; nothing is changed then.
  Status load_state(const StateDict& state, std::uint64_t steps_done);
  /// Likewise, and keeps the tensors themselves where device and type allow: nobody else may then.
  Status take_state(StateDict state, std::uint64_t steps_done);

 private:
  Status check_state(const StateDict& state) const;
  std::vector<std::uint64_t> element_counts() const;
  void take_values();
  at::Tensor own(const at::Tensor& tensor, std::size_t index) const;

  Parameters parameters_;
  AdamWOptions options_;
  LateParameters late_;
  RankShare share_;
  std::vector<ElementRange> ranges_;  ///< this rank's elements of each parameter
  std::vector<at::Tensor> exp_avg_, exp_avg_sq_;
  at::Tensor new_values_;                ///< when shared
  std::vector<at::Tensor> value_parts_;  ///< its parts, one for each parameter
  std::uint64_t steps_ = 0;
};

}  // namespace tagalign::model
