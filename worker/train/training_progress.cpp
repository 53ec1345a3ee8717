#include "worker/train/training_progress.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <sstream>

#include "base/format.h"
#include "base/log.h"
#include "worker/gradients/tensor_spans.h"

namespace tagalign::jobs {

TrainingProgress::TrainingProgress(Rank& rank, const TrainerOptions& options,
                                   std::uint64_t first_step)
    : rank_(rank),
      options_(options),
      first_step_(first_step),
      started_ms_(system_clock().monotonic_ms()) {}

void TrainingProgress::add_notices(const std::vector<std::string>& notices) {
  notices_.insert(notices_.end(), notices.begin(), notices.end());
}

Status TrainingProgress::step_done(std::uint64_t step, const TrainingTask::Loss& loss,
                                   double gradient_norm) {
  const auto every = static_cast<std::uint64_t>(options_.runtime.log_every_steps);
  const bool log = step % every == 0 || step == options_.steps || losses_text_.empty();
  if (log) {
    TA_RETURN_IF_ERROR(gather_notices());
    TA_RETURN_IF_ERROR(average_losses(loss, gradient_norm));
  }
  const std::string text = format("{}: step {} of {}{}, {:.0f} images/s", options_.label, step,
                                  options_.steps, losses_text_, images_per_second(step));
  rank_.reporter.progress(step, options_.steps, text);
  if (log && rank_.is_first()) log_info("{}", text);
  return ok_status();
}

/// Over the epochs every rank meets a broken image; the first rank names it for all, once.
Status TrainingProgress::gather_notices() {
  std::string mine;
  for (const auto& notice : notices_) mine += notice + '\n';
  notices_.clear();
  TA_ASSIGN_OR_RETURN(const auto all, rank_.group.all_gather_strings(mine));
  if (!rank_.is_first()) return ok_status();
  for (const auto& lines : all) {
    std::istringstream stream(lines);
    for (std::string notice; std::getline(stream, notice);) {
      if (said_.insert(notice).second) rank_.reporter.notice(notice);
    }
  }
  return ok_status();
}

Status TrainingProgress::average_losses(const TrainingTask::Loss& loss, double gradient_norm) {
  std::vector<at::Tensor> losses{loss.total};
  for (const auto& part : loss.parts) losses.push_back(part.second);
  const at::NoGradGuard no_grad;
  const at::Tensor sums = to_group_memory(at::stack(losses), rank_.group);  // [1 + parts]
  TA_RETURN_IF_ERROR(rank_.group.all_reduce_sum(float_span(sums)));
  const at::Tensor means = (sums / rank_.group.size()).to(at::kCPU);
  const float* values = means.const_data_ptr<float>();
  losses_text_ = format(", loss {:.4f}", values[0]);
  for (std::size_t i = 0; i < loss.parts.size(); ++i)
    losses_text_ += format(", {} {:.4f}", loss.parts[i].first, values[i + 1]);
  losses_text_ += format(", gradient norm {:.3f}", gradient_norm);
  return ok_status();
}

double TrainingProgress::images_per_second(std::uint64_t step) const {
  const auto passed_ms = std::max<std::int64_t>(1, system_clock().monotonic_ms() - started_ms_);
  const auto images = (step - first_step_) * static_cast<std::uint64_t>(options_.global_batch);
  return static_cast<double>(images) * 1000.0 / static_cast<double>(passed_ms);
}

}  // namespace tagalign::jobs
