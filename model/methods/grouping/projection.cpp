#include "model/methods/grouping/projection.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/stack.h>

#include <vector>

namespace tagalign::model {
namespace {

constexpr double kEps = 1e-5;
constexpr double kMomentum = 0.1;

/// A convolution of size 1: [to, from, 1].
Linear take_convolution(TensorSource& source, const std::string& name, std::int64_t to,
                        std::int64_t from) {
  return {source.take(name + ".weight", {to, from, 1}).squeeze(-1),
          source.take(name + ".bias", {to})};
}

}  // namespace

GroupProjection GroupProjection::take(TensorSource& source, const std::string& prefix,
                                      std::int64_t width) {
  GroupProjection projection;
  projection.hidden_ = take_convolution(source, prefix + "linear_hidden.0", kAnySize, width);
  const std::int64_t hidden = projection.hidden_.weight.size(0);
  const std::string norm = prefix + "linear_hidden.1.";
  projection.norm_weight_ = source.take(norm + "weight", {hidden});
  projection.norm_bias_ = source.take(norm + "bias", {hidden});
  projection.running_mean_ = source.take(norm + "running_mean", {hidden}).requires_grad_(false);
  projection.running_var_ = source.take(norm + "running_var", {hidden}).requires_grad_(false);
  source.take(norm + "num_batches_tracked", {}).requires_grad_(false);
  projection.out_ = take_convolution(source, prefix + "linear_out", kAnySize, hidden);
  return projection;
}

/// [R, hidden], by the running statistics or by those of the rows.
at::Tensor GroupProjection::normalised(const at::Tensor& rows, bool training) const {
  return at::batch_norm(rows, norm_weight_, norm_bias_, running_mean_, running_var_, training,
                        kMomentum, kEps, /*cudnn_enabled=*/false);
}

/// A rank's mean and variance travel, not its rows: [R, hidden], by the statistics of all.
at::Tensor GroupProjection::normalised_over(const at::Tensor& rows, const LossRanks& ranks) {
  const at::Tensor own = at::stack({rows.mean(0), rows.var(0, /*unbiased=*/false)});  // [2, hidden]
  const at::Tensor all = ranks.gather(own.unsqueeze(0));  // [W, 2, hidden]
  const at::Tensor means = all.select(1, 0);              // [W, hidden]
  const at::Tensor mean = means.mean(0);
  const at::Tensor variance = all.select(1, 1).mean(0) + (means - mean).square().mean(0);
  {
    const at::NoGradGuard no_grad;
    const auto count = static_cast<double>(rows.size(0) * ranks.world);
    running_mean_.lerp_(mean, kMomentum);
    running_var_.lerp_(variance * (count / (count - 1)), kMomentum);
  }
  return (rows - mean) * at::rsqrt(variance + kEps) * norm_weight_ + norm_bias_;
}

/// [R, hidden] → […, E], as x is […, D].
at::Tensor GroupProjection::read_out(const at::Tensor& normed, const at::Tensor& x) const {
  std::vector<std::int64_t> sizes = x.sizes().vec();
  sizes.back() = embedding();
  return out_.forward(at::relu(normed)).view(sizes);
}

at::Tensor GroupProjection::forward(const at::Tensor& x) const {
  const at::Tensor rows = hidden_.forward(x.reshape({-1, x.size(-1)}));  // [R, hidden]
  return read_out(normalised(rows, /*training=*/false), x);
}

at::Tensor GroupProjection::forward_training(const at::Tensor& x, const LossRanks& ranks) {
  const at::Tensor rows = hidden_.forward(x.reshape({-1, x.size(-1)}));  // [R, hidden]
  return read_out(ranks.world > 1 ? normalised_over(rows, ranks) : normalised(rows, true), x);
}

}  // namespace tagalign::model
