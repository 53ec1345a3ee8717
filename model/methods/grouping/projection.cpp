#include "model/methods/grouping/projection.h"

#include <ATen/ops/batch_norm.h>
#include <ATen/ops/relu.h>

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

at::Tensor GroupProjection::apply(const at::Tensor& x, bool training) const {
  const at::Tensor rows = x.reshape({-1, x.size(-1)});  // [R, D]
  const at::Tensor normed =
      at::batch_norm(hidden_.forward(rows), norm_weight_, norm_bias_, running_mean_, running_var_,
                     training, kMomentum, kEps, /*cudnn_enabled=*/false);
  std::vector<std::int64_t> sizes = x.sizes().vec();
  sizes.back() = embedding();
  return out_.forward(at::relu(normed)).view(sizes);
}

at::Tensor GroupProjection::forward(const at::Tensor& x) const {
  return apply(x, /*training=*/false);
}

at::Tensor GroupProjection::forward_training(const at::Tensor& x) {
  return apply(x, /*training=*/true);
}

}  // namespace tagalign::model
