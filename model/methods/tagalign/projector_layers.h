/// What trained decoders share: naming, drawing and moving their tensors, and the gated convolution
/// of the reference's GDecoder. For the methods' own files.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "model/clip/random_tensors.h"
#include "model/methods/tagalign/projector.h"

namespace tagalign::model {

/// Collects parameters in registration order; values that are drawn depend on seed and name alone.
class ParameterList {
 public:
  explicit ParameterList(std::uint64_t seed) : seed_(seed) {}

  at::Tensor constant(const std::string& name, at::IntArrayRef shape, double value);
  /// U(±1/√fan_in): torch's default for weights and biases of linear layers and convolutions.
  at::Tensor uniform(const std::string& name, at::IntArrayRef shape, std::int64_t fan_in);
  at::Tensor given(const std::string& name, const at::Tensor& tensor);

  const Parameters& all() const { return parameters_; }

 private:
  std::uint64_t seed_;
  Parameters parameters_;
};

/// x + tanh(gate) · conv3×3(gelu(LN(x))), on maps with channels last: the LayerNorm over channels
/// is then one over the last axis, and the convolution reads the same memory.
struct GatedConv {
  LayerNormWeights norm;
  at::Tensor weight;  // [D, D, 3, 3]
  at::Tensor bias;    // [D]
  at::Tensor gate;    // []

  /// x [B, h, w, D] → the same.
  at::Tensor forward(const at::Tensor& x) const;
};

/// As "<name>.norm.…", "<name>.conv.…" and "<name>.gate.gate".
GatedConv add_gated_conv(ParameterList& list, const std::string& name, std::int64_t width);

LayerNormWeights add_layer_norm(ParameterList& list, const std::string& name, std::int64_t width);
LinearWeights add_linear(ParameterList& list, const std::string& name, std::int64_t in,
                         std::int64_t out);
/// The trainable deep copy of the frozen projection, as "projector.clip_proj.…".
ClipProjection add_clip_projection(ParameterList& list, const ClipProjection& frozen);

/// One projector kind each: shape().width must be frozen.proj.size(0).
std::unique_ptr<Projector> make_gdecoder(const ProjectorShape& shape, const ClipProjection& frozen,
                                         std::uint64_t seed);
std::unique_ptr<Projector> make_transformer_projector(const ProjectorShape& shape,
                                                      const ClipProjection& frozen,
                                                      std::uint64_t seed);

/// Device moves, parameters and the final projection; a kind adds refine().
class ProjectorBase : public Projector {
 public:
  at::Tensor forward(const at::Tensor& patches, Grid grid) const final;
  const ProjectorShape& shape() const final { return shape_; }
  const Parameters& parameters() const final { return list_.all(); }
  void to(at::Device device) final;

 protected:
  ProjectorBase(const ProjectorShape& shape, std::uint64_t seed) : shape_(shape), list_(seed) {}
  void check_input(const at::Tensor& patches, Grid grid) const;

  ProjectorShape shape_;
  ParameterList list_;
  ClipProjection clip_projection_;
};

}  // namespace tagalign::model
