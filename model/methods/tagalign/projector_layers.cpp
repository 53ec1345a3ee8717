#include "model/methods/tagalign/projector_layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gelu.h>

#include <cmath>

namespace tagalign::model {
namespace {

constexpr std::int64_t kKernel = 3;

}  // namespace

at::Tensor ParameterList::given(const std::string& name, const at::Tensor& tensor) {
  parameters_.push_back({name, tensor.set_requires_grad(true)});
  return tensor;
}

at::Tensor ParameterList::constant(const std::string& name, at::IntArrayRef shape, double value) {
  return given(name, at::full(shape, value, at::kFloat));
}

at::Tensor ParameterList::uniform(const std::string& name, at::IntArrayRef shape,
                                  std::int64_t fan_in) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
  return given(name, uniform_tensor({seed_, name}, shape, bound));
}

at::Tensor GatedConv::forward(const at::Tensor& x) const {
  const at::Tensor activated = at::gelu(norm.forward(x));  // [B, h, w, D]
  const at::Tensor convolved =
      at::conv2d(activated.permute({0, 3, 1, 2}), weight, bias, 1, kKernel / 2);  // [B, D, h, w]
  return x + gate.tanh() * convolved.permute({0, 2, 3, 1});
}

GatedConv add_gated_conv(ParameterList& list, const std::string& name, std::int64_t width) {
  const std::int64_t fan_in = width * kKernel * kKernel;
  GatedConv conv;
  conv.norm = add_layer_norm(list, name + ".norm", width);
  conv.weight = list.uniform(name + ".conv.weight", {width, width, kKernel, kKernel}, fan_in);
  conv.bias = list.uniform(name + ".conv.bias", {width}, fan_in);
  conv.gate = list.constant(name + ".gate.gate", {}, 0);
  return conv;
}

LayerNormWeights add_layer_norm(ParameterList& list, const std::string& name, std::int64_t width) {
  const at::Tensor weight = list.constant(name + ".weight", {width}, 1);
  return {weight, list.constant(name + ".bias", {width}, 0)};
}

LinearWeights add_linear(ParameterList& list, const std::string& name, std::int64_t in,
                         std::int64_t out) {
  const at::Tensor weight = list.uniform(name + ".weight", {out, in}, in);
  return {weight, list.uniform(name + ".bias", {out}, in)};
}

ClipProjection add_clip_projection(ParameterList& list, const ClipProjection& frozen) {
  ClipProjection copy = frozen.deep_copy();
  list.given("projector.clip_proj.proj", copy.proj);
  list.given("projector.clip_proj.ln.weight", copy.ln_weight);
  list.given("projector.clip_proj.ln.bias", copy.ln_bias);
  return copy;
}

at::Tensor ProjectorBase::forward(const at::Tensor& patches, Grid grid) const {
  return clip_projection_.forward(refine(patches, grid));
}

void ProjectorBase::to(at::Device device) {
  const at::NoGradGuard no_grad;
  for (const Parameter& parameter : list_.all()) {
    parameter.tensor.set_data(parameter.tensor.to(device));
  }
}

void ProjectorBase::check_input(const at::Tensor& patches, Grid grid) const {
  TA_CHECK(
      patches.dim() == 3 && patches.size(1) == grid.h * grid.w && patches.size(2) == shape_.width,
      "patches must be [B, h·w, D] of this projector's width");
}

}  // namespace tagalign::model
