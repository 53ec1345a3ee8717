/// The projectors of GroupViT and OVSegmentor into the joint embedding: linear, batch norm, ReLU,
/// linear, written as convolutions of size 1. Axes: R rows, D width, E joint embedding. Safe from
/// several threads while it evaluates.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "model/methods/grouping/layers.h"
#include "model/training/losses.h"

namespace tagalign::model {

class GroupProjection {
 public:
  /// Of the tensors below `prefix`, "img_projector."; E and the hidden width are what they say.
  static GroupProjection take(TensorSource& source, const std::string& prefix, std::int64_t width);

  /// x […, D] → […, E], with the running statistics.
  at::Tensor forward(const at::Tensor& x) const;
  /// With the statistics of all ranks' x, through which gradients flow to every rank; the running
  /// ones are updated by them (momentum 0.1, unbiased variance). Equal sizes on all ranks.
  at::Tensor forward_training(const at::Tensor& x, const LossRanks& ranks);
  std::int64_t embedding() const { return out_.weight.size(0); }

 private:
  at::Tensor normalised(const at::Tensor& rows, bool training) const;
  at::Tensor normalised_over(const at::Tensor& rows, const LossRanks& ranks);
  at::Tensor read_out(const at::Tensor& normed, const at::Tensor& x) const;

  Linear hidden_, out_;
  at::Tensor norm_weight_, norm_bias_, running_mean_, running_var_;  // [hidden]
};

}  // namespace tagalign::model
