#include "model/methods/dino/vit.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/upsample_bicubic2d.h>

#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "base/format.h"
#include "model/methods/grouping/tensor_source.h"

namespace tagalign::model {
namespace {

constexpr double kLayerNormEps = 1e-6;
/// Added to the sides of the wanted grid, lest rounding gives one patch too few.
constexpr double kScaleMargin = 0.1;

/// Without what wraps the encoder in a checkpoint of its training, and without the training's head.
StateDict encoder_tensors(const StateDict& weights) {
  constexpr std::array<std::string_view, 2> kWrappers = {"module.", "backbone."};
  StateDict own;
  for (const auto& [name, tensor] : weights) {
    std::string_view inner = name;
    for (const std::string_view wrapper : kWrappers) {
      if (inner.starts_with(wrapper)) inner.remove_prefix(wrapper.size());
    }
    if (!inner.starts_with("head.")) own[std::string(inner)] = tensor;
  }
  return own;
}

}  // namespace

at::Tensor DinoTower::Norm::forward(const at::Tensor& x) const {
  return at::layer_norm(x.to(at::kFloat), {x.size(-1)}, weight, bias, kLayerNormEps);
}

at::Tensor DinoTower::Linear::forward(const at::Tensor& x) const {
  return at::linear(x, weight, bias);
}

at::Tensor DinoTower::Block::forward(const at::Tensor& x, std::int64_t heads) const {
  const std::int64_t head_width = x.size(2) / heads;
  const at::Tensor packed = qkv.forward(norm1.forward(x))
                                .unflatten(-1, {3, heads, head_width})
                                .permute({2, 0, 3, 1, 4});  // [3, B, heads, L, head width]
  const at::Tensor attended = at::scaled_dot_product_attention(packed[0], packed[1], packed[2]);
  const at::Tensor y = x + proj.forward(attended.transpose(1, 2).flatten(2));
  return y + fc2.forward(at::gelu(fc1.forward(norm2.forward(y))));
}

/// Takes the parts of a tower from a source.
class DinoTower::Taking {
 public:
  explicit Taking(TensorSource& source) : source_(source) {}

  DinoTower run(std::int64_t heads) {
    DinoTower tower;
    tower.heads_ = heads;
    take_stem(tower);
    const std::int64_t width = tower.width();
    const std::int64_t layers = source_.count("blocks.", "norm1.weight");
    for (std::int64_t i = 0; i < layers; ++i)
      tower.blocks_.push_back(block(format("blocks.{}.", i), width));
    if (layers == 0) tower.blocks_.push_back(block("blocks.0.", width));
    tower.norm_ = norm("norm", width);
    if (width % heads != 0)
      source_.refuse(
          format("expected a width that is a multiple of {} heads, found {}: set "
                 "method.dino_heads to the number of its heads",
                 heads, width));
    return tower;
  }

 private:
  void take_stem(DinoTower& tower) {
    const std::string name = "patch_embed.proj.weight";
    tower.patch_weight_ = source_.take(name, {kAnySize, 3, kAnySize, kAnySize});
    const std::int64_t width = tower.width();
    if (tower.patch_weight_.size(2) != tower.patch_weight_.size(3))
      source_.refuse(format("tensor '{}': expected square patches, found {}×{}", name,
                            tower.patch_weight_.size(2), tower.patch_weight_.size(3)));
    tower.patch_bias_ = source_.take("patch_embed.proj.bias", {width});
    tower.class_token_ = source_.take("cls_token", {1, 1, width});
    tower.position_rows_ = source_.take("pos_embed", {1, kAnySize, width});
    const std::int64_t rows = tower.position_rows_.size(1);
    tower.grid_ = std::llround(std::sqrt(static_cast<double>(rows - 1)));
    if (rows < 2 || tower.grid_ * tower.grid_ + 1 != rows)
      source_.refuse(
          format("tensor 'pos_embed': expected 1 + a square number of rows, found {}", rows));
  }

  Norm norm(const std::string& name, std::int64_t width) {
    return {source_.take(name + ".weight", {width}), source_.take(name + ".bias", {width})};
  }
  Linear linear(const std::string& name, std::int64_t out, std::int64_t in) {
    return {source_.take(name + ".weight", {out, in}), source_.take(name + ".bias", {out})};
  }
  Block block(const std::string& prefix, std::int64_t width) {
    Block block;
    block.norm1 = norm(prefix + "norm1", width);
    block.qkv = linear(prefix + "attn.qkv", 3 * width, width);
    block.proj = linear(prefix + "attn.proj", width, width);
    block.norm2 = norm(prefix + "norm2", width);
    block.fc1 = linear(prefix + "mlp.fc1", kAnySize, width);
    block.fc2 = linear(prefix + "mlp.fc2", width, block.fc1.weight.size(0));
    return block;
  }

  TensorSource& source_;
};

Result<DinoTower> DinoTower::create(const StateDict& weights, std::int64_t heads,
                                    at::Device device) {
  TA_CHECK(heads > 0, "a number of heads");
  const StateDict own = encoder_tensors(weights);
  TensorSource source(own, device);
  DinoTower tower = Taking(source).run(heads);
  TA_RETURN_IF_ERROR(source.status());
  return tower;
}

at::Tensor DinoTower::positions(PatchGrid grid) const {
  if (grid.rows == grid_ && grid.columns == grid_) return position_rows_;
  const auto scale = [&](std::int64_t side) {
    return (static_cast<double>(side) + kScaleMargin) / static_cast<double>(grid_);
  };
  const at::Tensor square =
      position_rows_.slice(1, 1).view({1, grid_, grid_, -1}).permute({0, 3, 1, 2});
  const at::Tensor resized = at::upsample_bicubic2d(square, {grid.rows, grid.columns}, false,
                                                    scale(grid.rows), scale(grid.columns));
  return at::cat({position_rows_.narrow(1, 0, 1), resized.flatten(2).transpose(1, 2)}, 1);
}

// The convolution's stride equals its kernel: cutting the image into patches
// leaves one matrix product.
at::Tensor DinoTower::stem(const at::Tensor& images) const {
  const std::int64_t p = patch_size(), batch = images.size(0);
  const PatchGrid grid = grid_of(images);
  TA_CHECK(images.dim() == 4 && images.size(1) == 3 && grid.rows * p == images.size(2) &&
               grid.columns * p == images.size(3) && grid.rows > 0 && grid.columns > 0,
           "images [B, 3, H, W] of whole patches");
  const at::Tensor pixels = images.reshape({batch, 3, grid.rows, p, grid.columns, p})
                                .permute({0, 2, 4, 1, 3, 5})
                                .reshape({batch, grid.rows * grid.columns, 3 * p * p});
  const at::Tensor patches = at::linear(pixels, patch_weight_.flatten(1), patch_bias_);
  const at::Tensor cls = class_token_.to(patches.scalar_type()).expand({batch, 1, -1});
  return at::cat({cls, patches}, 1) + positions(grid);  // [B, L, D]
}

at::Tensor DinoTower::encode(const at::Tensor& images) const {
  at::Tensor x = stem(images);
  for (const Block& block : blocks_) x = block.forward(x, heads_);
  return norm_.forward(x).slice(1, 1);
}

}  // namespace tagalign::model
