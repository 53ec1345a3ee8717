#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/upsample_bicubic2d.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <tuple>
#include <utility>

#include "base/format.h"
#include "model/clip/towers.h"
#include "model/clip/weights.h"

namespace tagalign::model {
namespace {

constexpr std::int64_t kSurgeryBlocks = 6;
/// What SCLIP's code adds to a grid's sides, lest rounding gives one patch too few.
constexpr double kScaleMargin = 0.1;

LastBlock last_block_of(VisionAttention attention) {
  switch (attention) {
    case VisionAttention::kMaskClip:
      return {.weights = TokenWeights::kIdentity};
    case VisionAttention::kSclip:
      return {.weights = TokenWeights::kQueryPlusKey};
    case VisionAttention::kNaclip:
      return {.weights = TokenWeights::kKeyNeighbours, .reduced = true};
    case VisionAttention::kClearClip:
      return {.weights = TokenWeights::kQuery, .reduced = true};
    case VisionAttention::kPlain:
    case VisionAttention::kSurgery:
      break;
  }
  return {};
}

}  // namespace

Result<VisionAttention> vision_attention_from_name(const std::string& name) {
  if (name == "plain") return VisionAttention::kPlain;
  if (name == "surgery") return VisionAttention::kSurgery;
  if (name == "maskclip") return VisionAttention::kMaskClip;
  if (name == "sclip") return VisionAttention::kSclip;
  if (name == "naclip") return VisionAttention::kNaclip;
  if (name == "clearclip") return VisionAttention::kClearClip;
  return invalid_argument(
      format("vision attention '{}' is not known: expected plain, surgery, maskclip, sclip, naclip "
             "or clearclip",
             name));
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

/// Resized positional embeddings of frozen weights, one a rule and grid; `version` tells when to
/// make them anew, because the weights have changed.
struct VisionTower::PositionCache {
  using Key = std::tuple<PositionRule, std::int64_t, std::int64_t>;
  std::mutex mutex;
  std::uint32_t version = 0;
  std::map<Key, at::Tensor> by_grid;
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

at::Tensor VisionTower::resized_positions(PatchGrid to, PositionRule rule) const {
  const at::Tensor& native = positional_embedding_;  // [1 + g·g, D]
  const std::int64_t grid = shape_.grid;
  const at::Tensor square = native.slice(0, 1).view({1, grid, grid, -1}).permute({0, 3, 1, 2});
  const std::vector<std::int64_t> size = {to.rows, to.columns};
  at::Tensor resized;  // [1, D, h, w]
  if (rule == PositionRule::kBicubicScale) {
    const auto scale = [&](std::int64_t side) {
      return (static_cast<double>(side) + kScaleMargin) / static_cast<double>(grid);
    };
    resized = at::upsample_bicubic2d(square, size, false, scale(to.rows), scale(to.columns));
  } else if (rule == PositionRule::kBilinearSquare) {
    TA_CHECK(to.rows == to.columns, "a square grid for the bilinear rule");
    resized = at::upsample_bilinear2d(square, size, /*align_corners=*/false);
  } else {
    resized = at::upsample_bicubic2d(square, size, /*align_corners=*/false);
  }
  const at::Tensor patches = resized.permute({0, 2, 3, 1}).reshape({to.rows * to.columns, -1});
  return at::cat({native.slice(0, 0, 1), patches});
}

at::Tensor VisionTower::positions(PatchGrid to, PositionRule rule) const {
  const at::Tensor& native = positional_embedding_;  // [1 + g·g, D]
  const std::int64_t grid = shape_.grid;
  if (to.rows == grid && to.columns == grid) return native;
  if (rule == PositionRule::kBicubicScale && to.rows * to.columns == grid * grid) return native;
  if (native.requires_grad() && at::GradMode::is_enabled()) return resized_positions(to, rule);
  const PositionCache::Key key{rule, to.rows, to.columns};
  {
    const std::lock_guard lock(position_cache_->mutex);
    if (std::exchange(position_cache_->version, native._version()) != native._version()) {
      position_cache_->by_grid.clear();
    }
    const auto found = position_cache_->by_grid.find(key);
    if (found != position_cache_->by_grid.end()) return found->second;
  }
  at::Tensor all = resized_positions(to, rule);
  const std::lock_guard lock(position_cache_->mutex);
  position_cache_->by_grid.insert_or_assign(key, all);
  return all;
}

// The convolution's stride equals its kernel: cutting the image into patches
// leaves one matrix product.
at::Tensor VisionTower::stem(const at::Tensor& images, PositionRule rule) const {
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
  return ln_pre_.forward(at::cat({cls, patches}, 1) + positions({h, w}, rule));  // [B, 1 + h·w, D]
}

at::Tensor VisionTower::encode_blocks(const at::Tensor& images, std::int64_t count,
                                      PositionRule rule, const BlockObserver& observer) const {
  at::Tensor x = stem(images, rule);
  if (observer) observer(-1, x, {});
  for (std::int64_t i = 0; i < count; ++i) {
    x = block(i).forward(x, /*causal=*/false);
    if (observer) observer(i, x, {});
  }
  return x;
}

VisionTower::SurgeryPaths VisionTower::surgery_before_last(const at::Tensor& images,
                                                           PositionRule rule,
                                                           const BlockObserver& observer) const {
  const std::int64_t count = std::ssize(blocks_);
  const std::int64_t plain = std::max<std::int64_t>(0, count - kSurgeryBlocks);
  at::Tensor x = encode_blocks(images, plain, rule, observer);
  at::Tensor x_ori = x;
  for (std::int64_t i = plain; i + 1 < count; ++i) {
    std::tie(x, x_ori) = block(i).forward_surgery(x, x_ori, /*cls_only=*/false);
    if (observer) observer(i, x, x_ori);
  }
  return {x, x_ori};
}

at::Tensor VisionTower::encode_surgery(const at::Tensor& images, PositionRule rule,
                                       const BlockObserver& observer) const {
  const SurgeryPaths paths = surgery_before_last(images, rule, observer);
  const auto [x, x_ori] =
      blocks_.back().forward_surgery(paths.x, paths.x_ori, /*cls_only=*/!observer);
  if (observer) observer(std::ssize(blocks_) - 1, x, x_ori);
  return at::cat({x_ori.narrow(1, 0, 1), x.slice(1, 1)}, 1);
}

at::Tensor VisionTower::encode_before_last(const at::Tensor& images, PositionRule rule,
                                           const BlockObserver& observer) const {
  return encode_blocks(images, std::ssize(blocks_) - 1, rule, observer);
}

at::Tensor VisionTower::encode(const at::Tensor& images, VisionAttention attention,
                               const BlockObserver& observer, PositionRule rule) const {
  if (attention == VisionAttention::kSurgery) return encode_surgery(images, rule, observer);
  at::Tensor x = encode_before_last(images, rule, observer);
  x = forward_last(blocks_.back(), x, grid_of(images), last_block_of(attention));
  if (observer) observer(std::ssize(blocks_) - 1, x, {});
  return x;
}

at::Tensor VisionTower::encode_patches(const at::Tensor& images, VisionAttention attention,
                                       PositionRule rule) const {
  if (attention != VisionAttention::kSurgery)
    return encode(images, attention, {}, rule).slice(1, 1);
  const auto [x, x_ori] = surgery_before_last(images, rule, {});
  return blocks_.back().forward_new_path(x, x_ori).slice(1, 1);
}

at::Tensor VisionTower::encode_first(const at::Tensor& images, std::int64_t blocks) const {
  TA_CHECK(blocks >= 0 && blocks <= std::ssize(blocks_), "as many blocks as there are");
  at::Tensor x = stem(images, PositionRule::kBicubic);
  for (std::int64_t i = 0; i < blocks; ++i) {
    x = blocks_[static_cast<std::size_t>(i)].forward(x, /*causal=*/false);
  }
  return x;
}

at::Tensor VisionTower::encode_pooled(const at::Tensor& images) const {
  at::Tensor x = stem(images, PositionRule::kBicubic);
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
  if (frozen_form_) freeze(*frozen_form_);
}

void VisionTower::freeze(const FrozenForm& form) {
  for (ResidualBlock& block : blocks_) block.freeze(form);
  frozen_form_ = form;
}

}  // namespace tagalign::model
