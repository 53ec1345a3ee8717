// The reference's GDecoder: gated residual 3×3 convolutions, two per layer.
#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/gelu.h>

#include <utility>
#include <vector>

#include "base/format.h"
#include "model/methods/tagalign/projector_layers.h"

namespace tagalign::model {
namespace {

constexpr std::int64_t kKernel = 3;

/// x + tanh(gate) · conv3×3(gelu(LN(x))), on maps with channels last: the LayerNorm over channels
/// is then one over the last axis, and the convolution reads the same memory.
struct GatedConv {
  LayerNormWeights norm;
  at::Tensor weight;  // [D, D, 3, 3]
  at::Tensor bias;    // [D]
  at::Tensor gate;    // []

  at::Tensor forward(const at::Tensor& x) const {
    const at::Tensor activated = at::gelu(norm.forward(x));  // [B, h, w, D]
    const at::Tensor convolved =
        at::conv2d(activated.permute({0, 3, 1, 2}), weight, bias, 1, kKernel / 2);  // [B, D, h, w]
    return x + gate.tanh() * convolved.permute({0, 2, 3, 1});
  }
};

GatedConv add_gated_conv(ParameterList& list, const std::string& name, std::int64_t width) {
  const std::int64_t fan_in = width * kKernel * kKernel;
  GatedConv conv;
  conv.norm = add_layer_norm(list, name + ".norm", width);
  conv.weight = list.uniform(name + ".conv.weight", {width, width, kKernel, kKernel}, fan_in);
  conv.bias = list.uniform(name + ".conv.bias", {width}, fan_in);
  conv.gate = list.constant(name + ".gate.gate", {}, 0);
  return conv;
}

class GDecoder final : public ProjectorBase {
 public:
  GDecoder(const ProjectorShape& shape, const ClipProjection& frozen, std::uint64_t seed)
      : ProjectorBase(shape, seed) {
    for (int i = 0; i < shape.layers; ++i) {
      for (const char* half : {"conv", "conv2"}) {
        convs_.push_back(
            add_gated_conv(list_, format("projector.projector.net.{}.{}", i, half), shape.width));
      }
    }
    clip_projection_ = add_clip_projection(list_, frozen);
  }

  at::Tensor refine(const at::Tensor& patches, Grid grid) const override {
    check_input(patches, grid);
    at::Tensor x = patches.unflatten(1, {grid.h, grid.w});  // [B, h, w, D]
    for (const GatedConv& conv : convs_) x = conv.forward(x);
    return x.flatten(1, 2);
  }

 private:
  std::vector<GatedConv> convs_;
};

}  // namespace

std::unique_ptr<Projector> make_gdecoder(const ProjectorShape& shape, const ClipProjection& frozen,
                                         std::uint64_t seed) {
  return std::make_unique<GDecoder>(shape, frozen, seed);
}

}  // namespace tagalign::model
