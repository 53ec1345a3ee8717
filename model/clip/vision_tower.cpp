#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/upsample_bicubic2d.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "base/format.h"
#include "model/clip/towers.h"
#include "model/clip/weights.h"

namespace tagalign::model {
namespace {

constexpr std::int64_t kSurgeryBlocks = 6;

}  // namespace

Result<VisionAttention> vision_attention_from_name(const std::string& name) {
  if (name == "plain") return VisionAttention::kPlain;
  if (name == "surgery") return VisionAttention::kSurgery;
  if (name == "maskclip") return VisionAttention::kMaskClip;
  return invalid_argument(
      format("vision attention '{}' is not known: expected plain, surgery or maskclip", name));
}

at::Tensor ClipProjection::forward(const at::Tensor& tokens) const {
  return at::matmul(LayerNormWeights{ln_weight, ln_bias}.forward(tokens), proj);
}

ClipProjection ClipProjection::deep_copy() const {
  const auto copy = [](const at::Tensor& t) {
    return t.detach().to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  };
  return {copy(ln_weight), copy(ln_bias), copy(proj)};
}

/// Resized positional embeddings of frozen weights, one per grid; `version` tells when
/// the weights have changed.
struct VisionTower::PositionCache {
  std::mutex mutex;
  std::uint32_t version = 0;
  std::map<std::pair<std::int64_t, std::int64_t>, at::Tensor> by_grid;
};

Result<VisionTower> VisionTower::create(const StateDict& weights) {
  VisionTower tower;
  TA_RETURN_IF_ERROR(infer_vision_shape(weights, tower.shape_));
  TA_ASSIGN_OR_RETURN(tower.tensors_, copy_tensors(weights, vision_tensor_specs(tower.shape_)));
  const StateDict named = by_name(tower.tensors_);
  tower.class_embedding_ = named.at("visual.class_embedding");
  tower.positional_embedding_ = named.at("visual.positional_embedding");
  tower.conv_weight_ = named.at("visual.conv1.weight");
  tower.ln_pre_ = {named.at("visual.ln_pre.weight"), named.at("visual.ln_pre.bias")};
  tower.blocks_ = find_blocks(named, "visual.transformer.", tower.shape_.vision_layers,
                              tower.shape_.vision_heads);
  tower.projection_ = {named.at("visual.ln_post.weight"), named.at("visual.ln_post.bias"),
                       named.at("visual.proj")};
  tower.position_cache_ = std::make_shared<PositionCache>();
  return tower;
}

at::Tensor VisionTower::positions(std::int64_t height, std::int64_t width) const {
  const at::Tensor& native = positional_embedding_;  // [1 + g·g, D]
  const std::int64_t grid = shape_.grid;
  if (height == grid && width == grid) return native;
  const bool frozen = !native.requires_grad() || !at::GradMode::is_enabled();
  if (frozen) {
    const std::lock_guard lock(position_cache_->mutex);
    if (std::exchange(position_cache_->version, native._version()) != native._version()) {
      position_cache_->by_grid.clear();
    }
    const auto found = position_cache_->by_grid.find({height, width});
    if (found != position_cache_->by_grid.end()) return found->second;
  }
  const at::Tensor square = native.slice(0, 1).view({1, grid, grid, -1}).permute({0, 3, 1, 2});
  const at::Tensor resized =
      at::upsample_bicubic2d(square, {height, width}, /*align_corners=*/false);
  const at::Tensor patches = resized.permute({0, 2, 3, 1}).reshape({height * width, -1});
  at::Tensor all = at::cat({native.slice(0, 0, 1), patches});  // [1 + h·w, D]
  if (frozen) {
    const std::lock_guard lock(position_cache_->mutex);
    position_cache_->by_grid.insert_or_assign({height, width}, all);
  }
  return all;
}

// The convolution's stride equals its kernel: cutting the image into patches
// leaves one matrix product.
at::Tensor VisionTower::stem(const at::Tensor& images) const {
  const std::int64_t p = shape_.patch_size;
  const std::int64_t batch = images.size(0), h = images.size(2) / p, w = images.size(3) / p;
  TA_CHECK(images.dim() == 4 && images.size(1) == 3 && h > 0 && w > 0,
           "images must be [B, 3, H, W] with H and W of at least one patch");
  const at::Tensor pixels = images.narrow(2, 0, h * p)
                                .narrow(3, 0, w * p)
                                .reshape({batch, 3, h, p, w, p})
                                .permute({0, 2, 4, 1, 3, 5})
                                .reshape({batch, h * w, 3 * p * p});
  const at::Tensor patches = at::linear(pixels, conv_weight_.flatten(1));  // [B, h·w, D]
  const at::Tensor cls = class_embedding_.to(patches.scalar_type()).expand({batch, 1, -1});
  return ln_pre_.forward(at::cat({cls, patches}, 1) + positions(h, w));  // [B, 1 + h·w, D]
}

at::Tensor VisionTower::encode_surgery(at::Tensor x, const BlockObserver& observer) const {
  const std::int64_t count = std::ssize(blocks_);
  at::Tensor x_ori = x;
  for (std::int64_t i = std::max<std::int64_t>(0, count - kSurgeryBlocks); i < count; ++i) {
    const bool cls_only = i + 1 == count && !observer;
    std::tie(x, x_ori) = blocks_[static_cast<std::size_t>(i)].forward_surgery(x, x_ori, cls_only);
    if (observer) observer(i, x, x_ori);
  }
  return at::cat({x_ori.narrow(1, 0, 1), x.slice(1, 1)}, 1);
}

at::Tensor VisionTower::encode(const at::Tensor& images, VisionAttention attention,
                               const BlockObserver& observer) const {
  at::Tensor x = stem(images);
  if (observer) observer(-1, x, {});
  const std::int64_t count = std::ssize(blocks_);
  const std::int64_t special = attention == VisionAttention::kSurgery    ? kSurgeryBlocks
                               : attention == VisionAttention::kMaskClip ? 1
                                                                         : 0;
  const std::int64_t plain = std::max<std::int64_t>(0, count - special);
  for (std::int64_t i = 0; i < plain; ++i) {
    x = blocks_[static_cast<std::size_t>(i)].forward(x, /*causal=*/false);
    if (observer) observer(i, x, {});
  }
  if (attention == VisionAttention::kSurgery) return encode_surgery(x, observer);
  if (attention == VisionAttention::kMaskClip) {
    x = blocks_.back().forward_diagonal(x);
    if (observer) observer(count - 1, x, {});
  }
  return x;
}

at::Tensor VisionTower::encode_first(const at::Tensor& images, std::int64_t blocks) const {
  TA_CHECK(blocks >= 0 && blocks <= std::ssize(blocks_), "as many blocks as there are");
  at::Tensor x = stem(images);
  for (std::int64_t i = 0; i < blocks; ++i) {
    x = blocks_[static_cast<std::size_t>(i)].forward(x, /*causal=*/false);
  }
  return x;
}

at::Tensor VisionTower::encode_pooled(const at::Tensor& images) const {
  at::Tensor x = stem(images);
  for (std::size_t i = 0; i + 1 < blocks_.size(); ++i) {
    x = blocks_[i].forward(x, /*causal=*/false);
  }
  return projection_.forward(blocks_.back().forward_row(x, {}, {}).squeeze(1));
}

Parameters VisionTower::parameters() const {
  return tensors_;
}

void VisionTower::to(at::Device device) {
  move_tensors(tensors_, device);
  position_cache_ = std::make_shared<PositionCache>();
}

}  // namespace tagalign::model
