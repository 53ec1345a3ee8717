// The reference's Transformer projector: timm's ViT block.
#include <ATen/TensorOperators.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <utility>
#include <vector>

#include "base/format.h"
#include "model/methods/tagalign/projector_layers.h"

namespace tagalign::model {
namespace {

constexpr std::int64_t kMlpRatio = 4;

struct VitBlock {
  std::int64_t heads = 0;
  LayerNormWeights norm1, norm2;
  LinearWeights qkv, proj, fc1, fc2;

  at::Tensor attention(const at::Tensor& x) const {
    std::vector<at::Tensor> parts = qkv.forward(x).chunk(3, -1);
    for (at::Tensor& part : parts) {
      part = part.unflatten(2, {heads, part.size(2) / heads}).transpose(1, 2);  // [B, H, L, C]
    }
    const at::Tensor attended = at::scaled_dot_product_attention(parts[0], parts[1], parts[2]);
    return proj.forward(attended.transpose(1, 2).flatten(2));
  }

  at::Tensor forward(const at::Tensor& x) const {
    const at::Tensor attended = x + attention(norm1.forward(x));
    return attended + fc2.forward(at::gelu(fc1.forward(norm2.forward(attended))));
  }
};

VitBlock add_vit_block(ParameterList& list, const std::string& name, const ProjectorShape& shape) {
  const std::int64_t width = shape.width;
  VitBlock block;
  block.heads = shape.heads;
  block.norm1 = add_layer_norm(list, name + ".norm1", width);
  block.qkv = add_linear(list, name + ".attn.qkv", width, 3 * width);
  block.proj = add_linear(list, name + ".attn.proj", width, width);
  block.norm2 = add_layer_norm(list, name + ".norm2", width);
  block.fc1 = add_linear(list, name + ".mlp.fc1", width, kMlpRatio * width);
  block.fc2 = add_linear(list, name + ".mlp.fc2", kMlpRatio * width, width);
  return block;
}

class TransformerProjector final : public ProjectorBase {
 public:
  TransformerProjector(const ProjectorShape& shape, const ClipProjection& frozen,
                       std::uint64_t seed)
      : ProjectorBase(shape, seed) {
    TA_CHECK(shape.heads > 0 && shape.width % shape.heads == 0, "heads divide the width");
    for (int i = 0; i < shape.layers; ++i) {
      blocks_.push_back(add_vit_block(list_, format("projector.projector.{}", i), shape));
    }
    clip_projection_ = add_clip_projection(list_, frozen);
  }

  at::Tensor refine(const at::Tensor& patches, Grid grid) const override {
    check_input(patches, grid);
    at::Tensor x = patches;
    for (const VitBlock& block : blocks_) x = block.forward(x);
    return x;
  }

 private:
  std::vector<VitBlock> blocks_;
};

}  // namespace

std::unique_ptr<Projector> make_transformer_projector(const ProjectorShape& shape,
                                                      const ClipProjection& frozen,
                                                      std::uint64_t seed) {
  return std::make_unique<TransformerProjector>(shape, frozen, seed);
}

}  // namespace tagalign::model
