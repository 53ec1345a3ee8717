#include "model/training/optimizer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <numbers>
#include <string>
#include <utility>

namespace tagalign::model {
namespace {

constexpr double kWarmupStart = 1e-4;  // of lr, at step 0
constexpr double kClipEpsilon = 1e-6;  // torch.nn.utils.clip_grad_norm_
constexpr const char* kExpAvg = "optimizer.exp_avg.";
constexpr const char* kExpAvgSq = "optimizer.exp_avg_sq.";

std::string shape_text(const at::Tensor& t) {
  std::string text = "[";
  for (const std::int64_t size : t.sizes()) {
    text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  }
  return text + "]";
}

/// One call of the fused kernel: parameters that share a weight decay.
struct Group {
  std::vector<at::Tensor> values, gradients, exp_avg, exp_avg_sq, steps;
};

/// Elements of a tensor, from `begin` of the flattened one on, become `values` [N].
void put(const at::Tensor& values, const at::Tensor& tensor, std::uint64_t begin) {
  const at::Tensor flat = tensor.reshape({-1});  // a copy where the tensor is not contiguous
  flat.narrow(0, static_cast<std::int64_t>(begin), values.numel()).copy_(values);
  if (!flat.is_alias_of(tensor)) tensor.copy_(flat.view(tensor.sizes()));
}

/// `shared`: `expected` is flat, whatever shape the elements come in.
Status check_moment(const StateDict& state, const std::string& name, const at::Tensor& expected,
                    bool shared) {
  const std::string what = "loading the optimiser: tensor " + name;
  const auto found = state.find(name);
  if (found == state.end()) {
    return invalid_argument(what + " is missing; the state is incomplete or of another projector");
  }
  const at::Tensor tensor = shared ? found->second.reshape({-1}) : found->second;
  if (tensor.sizes() != expected.sizes()) {
    return invalid_argument(what + ": expected shape " + shape_text(expected) + ", found " +
                            shape_text(tensor) + "; the state is of another projector");
  }
  return ok_status();
}

}  // namespace

double learning_rate(const ScheduleOptions& options, std::uint64_t step) {
  if (options.kind == ScheduleOptions::Kind::kConstant) return options.lr;
  if (step < options.warmup_steps) {
    const double done = static_cast<double>(step) / static_cast<double>(options.warmup_steps);
    return options.lr * (kWarmupStart + (1.0 - kWarmupStart) * done);
  }
  if (options.total_steps <= options.warmup_steps) return options.lr;
  const double done = static_cast<double>(step - options.warmup_steps) /
                      static_cast<double>(options.total_steps - options.warmup_steps);
  return options.min_lr +
         (options.lr - options.min_lr) * 0.5 * (1.0 + std::cos(std::numbers::pi * done));
}

bool has_weight_decay(const Parameter& parameter) {
  return parameter.tensor.dim() != 1 && !parameter.name.ends_with(".bias");
}

AdamW::AdamW(Parameters parameters, AdamWOptions options, LateParameters late, RankShare share)
    : parameters_(std::move(parameters)), options_(options), late_(std::move(late)), share_(share) {
  TA_CHECK(!is_shared() || late_.averaged, "gradients that differ by rank cannot be shared out");
  const at::NoGradGuard no_grad;
  const std::vector<std::uint64_t> elements = element_counts();
  ranges_ = ranges_of(elements, share_);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& tensor = parameters_[i].tensor;
    TA_CHECK(tensor.is_leaf() && tensor.scalar_type() == at::kFloat, parameters_[i].name);
    exp_avg_.push_back(at::zeros_like(own(tensor, i)));
    exp_avg_sq_.push_back(at::zeros_like(own(tensor, i)));
  }
  if (!is_shared() || parameters_.empty()) return;
  const auto most = static_cast<std::int64_t>(largest_share(elements, share_.world));
  new_values_ = at::zeros({most}, parameters_[0].tensor.options().requires_grad(false));
  std::int64_t offset = 0;
  for (const ElementRange& range : ranges_) {
    const auto size = static_cast<std::int64_t>(range.size());
    value_parts_.push_back(new_values_.narrow(0, offset, size));
    offset += size;
  }
}

std::vector<std::uint64_t> AdamW::element_counts() const {
  std::vector<std::uint64_t> elements;
  for (const Parameter& parameter : parameters_)
    elements.push_back(static_cast<std::uint64_t>(parameter.tensor.numel()));
  return elements;
}

/// A tensor of a parameter's shape, or this rank's elements of it.
at::Tensor AdamW::own(const at::Tensor& tensor, std::size_t index) const {
  if (!is_shared()) return tensor;
  const ElementRange& range = ranges_[index];
  return tensor.reshape({-1}).narrow(0, static_cast<std::int64_t>(range.begin),
                                     static_cast<std::int64_t>(range.size()));
}

double AdamW::clip_gradients(double norm_max) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const Parameter& parameter : parameters_) {
    if (parameter.tensor.grad().defined()) gradients.push_back(parameter.tensor.grad());
  }
  if (gradients.empty()) return 0.0;
  const at::Tensor norms = at::stack(at::_foreach_norm(gradients)).to(at::kDouble);
  const double norm = std::sqrt(norms.square().sum().item<double>());
  const double factor = norm_max / (norm + kClipEpsilon);
  if (factor < 1.0) at::_foreach_mul_(gradients, factor);
  return norm;
}

void AdamW::take_values() {
  for (std::size_t i = 0; i < value_parts_.size(); ++i)
    value_parts_[i].copy_(own(parameters_[i].tensor, i));
}

void AdamW::adopt(const at::Tensor& gathered) {
  const at::NoGradGuard no_grad;
  const std::vector<std::uint64_t> elements = element_counts();
  for (int rank = 0; rank < share_.world; ++rank) {
    std::int64_t offset = rank * new_values_.numel();
    const auto ranges = ranges_of(elements, {rank, share_.world});
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      const auto size = static_cast<std::int64_t>(ranges[i].size());
      if (size > 0) put(gathered.narrow(0, offset, size), parameters_[i].tensor, ranges[i].begin);
      offset += size;
    }
  }
}

void AdamW::step(double lr) {
  const at::NoGradGuard no_grad;
  const std::uint64_t step = steps_++;
  if (is_shared()) take_values();
  Group groups[2];       // without and with weight decay
  at::Tensor counts[2];  // of those that train from step 0, and of the late ones
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& value = parameters_[i].tensor;
    const std::string& name = parameters_[i].name;
    if (!value.grad().defined() || late_.wait(name, step)) continue;
    if (is_shared() && ranges_[i].size() == 0) continue;
    const bool is_late = late_.names.contains(name);
    at::Tensor& count = counts[is_late ? 1 : 0];
    if (!count.defined()) {
      const std::uint64_t done = steps_ - (is_late ? late_.first_step : 0);
      count = at::full({}, static_cast<double>(done), value.options());
    }
    Group& group = groups[has_weight_decay(parameters_[i]) ? 1 : 0];
    group.values.push_back(is_shared() ? value_parts_[i] : value);
    group.gradients.push_back(own(value.grad(), i));
    group.exp_avg.push_back(exp_avg_[i]);
    group.exp_avg_sq.push_back(exp_avg_sq_[i]);
    group.steps.push_back(count);
  }
  for (const bool decay : {false, true}) {
    Group& g = groups[decay ? 1 : 0];
    if (g.values.empty()) continue;
    at::_fused_adamw_(g.values, g.gradients, g.exp_avg, g.exp_avg_sq, {}, g.steps, lr,
                      options_.beta1, options_.beta2, decay ? options_.weight_decay : 0.0,
                      options_.eps, /*amsgrad=*/false, /*maximize=*/false);
  }
}

void AdamW::zero_gradients() {
  for (Parameter& parameter : parameters_) parameter.tensor.mutable_grad().reset();
}

StateDict AdamW::state() const {
  StateDict state;
  if (is_shared()) return state;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    state[kExpAvg + parameters_[i].name] = exp_avg_[i];
    state[kExpAvgSq + parameters_[i].name] = exp_avg_sq_[i];
  }
  return state;
}

PartDict AdamW::parts() const {
  PartDict parts;
  if (!is_shared()) return parts;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto& [name, tensor] = parameters_[i];
    const auto shape = tensor.sizes().vec();
    parts[kExpAvg + name] = {shape, ranges_[i].begin, exp_avg_[i]};
    parts[kExpAvgSq + name] = {shape, ranges_[i].begin, exp_avg_sq_[i]};
  }
  return parts;
}

Status AdamW::check_state(const StateDict& state) const {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const std::string& name = parameters_[i].name;
    TA_RETURN_IF_ERROR(check_moment(state, kExpAvg + name, exp_avg_[i], is_shared()));
    TA_RETURN_IF_ERROR(check_moment(state, kExpAvgSq + name, exp_avg_sq_[i], is_shared()));
  }
  return ok_status();
}

Status AdamW::load_state(const StateDict& state, std::uint64_t steps_done) {
  StateDict copies;
  for (const auto& [name, tensor] : state) copies[name] = tensor.clone();
  return take_state(std::move(copies), steps_done);
}

Status AdamW::take_state(StateDict state, std::uint64_t steps_done) {
  TA_RETURN_IF_ERROR(check_state(state));
  const at::NoGradGuard no_grad;
  const auto take = [&](const std::string& name, at::Tensor& moment) {
    const at::Tensor laid = state.at(name).reshape(moment.sizes());
    moment = laid.to(moment.options()).contiguous();
  };
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    take(kExpAvg + parameters_[i].name, exp_avg_[i]);
    take(kExpAvgSq + parameters_[i].name, exp_avg_sq_[i]);
  }
  steps_ = steps_done;
  return ok_status();
}

}  // namespace tagalign::model
