#include "model/methods/tcl/masker.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "base/format.h"
#include "model/training/losses.h"

namespace tagalign::model {
namespace {

constexpr double kInitialScale = 10.0;
constexpr double kInitialBias = -2.5;
constexpr std::string_view kOwner = "masker.";
constexpr std::string_view kBlocks = "masker.image_encoder.backbone.transformer.resblocks.";
constexpr std::string_view kLayers = "masker.image_encoder.decoder.decoder.net.";
constexpr std::string_view kProjection = "masker.image_encoder.decoder.image_proj.";
constexpr std::string_view kFrozenBlocks = "visual.transformer.resblocks.";

at::Tensor copy_of(const at::Tensor& tensor) {
  return tensor.detach().to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
}

/// x [B, h, w, D] → [B, 2h, 2w, D], every value four times.
at::Tensor doubled(const at::Tensor& x) {
  const at::Tensor larger =
      at::upsample_nearest2d(x.permute({0, 3, 1, 2}), {2 * x.size(1), 2 * x.size(2)});
  return larger.permute({0, 2, 3, 1});
}

std::string shape_text(const at::Tensor& tensor) {
  return format("[{}]", fmt::join(tensor.sizes().vec(), ", "));
}

/// The number after `prefix` in a name like "<prefix>7.attn…"; nullopt for another name.
std::optional<std::int64_t> number_after(const std::string& name, std::string_view prefix) {
  constexpr std::size_t kDigitsMax = 6;
  if (!name.starts_with(prefix)) return std::nullopt;
  const std::string rest = name.substr(prefix.size());
  const std::size_t digits = rest.find('.');
  if (digits == std::string::npos || digits == 0 || digits > kDigitsMax) return std::nullopt;
  const std::string number = rest.substr(0, digits);
  if (!std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  return std::stoll(number);
}

}  // namespace

Masker::Masker(const MaskerShape& shape, const VisionTower& frozen, std::uint64_t seed)
    : shape_(shape), list_(seed) {
  const ClipShape& clip = frozen.shape();
  TA_CHECK(shape.layers > 0 && shape.width == clip.vision_width &&
               shape.embedding == clip.embed_dim && shape.first_block >= 0 &&
               shape.first_block <= clip.vision_layers,
           "a masker needs a layer, and the widths and blocks of the frozen tower");
  copy_blocks(frozen);
  add_decoder();
  projection_ = frozen.projection().deep_copy();
  const std::string name(kProjection);
  list_.given(name + "proj", projection_.proj);
  list_.given(name + "ln.weight", projection_.ln_weight);
  list_.given(name + "ln.bias", projection_.ln_bias);
  scale_ = list_.constant("masker.sim2mask.w", {}, kInitialScale);
  bias_ = list_.constant("masker.sim2mask.b", {}, kInitialBias);
}

void Masker::copy_blocks(const VisionTower& frozen) {
  StateDict copies;
  for (const Parameter& parameter : frozen.parameters()) {
    const auto number = number_after(parameter.name, kFrozenBlocks);
    if (!number || *number < shape_.first_block) continue;
    const std::string name = std::string(kBlocks) + parameter.name.substr(kFrozenBlocks.size());
    copies[name] = list_.given(name, copy_of(parameter.tensor));
  }
  for (std::int64_t i = shape_.first_block; i < frozen.shape().vision_layers; ++i) {
    blocks_.push_back(find_block(copies, format("{}{}.", kBlocks, i), frozen.shape().vision_heads));
  }
}

void Masker::add_decoder() {
  for (int i = 0; i < shape_.layers; ++i) {
    std::vector<GatedConv>& layer = layers_.emplace_back();
    layer.push_back(add_gated_conv(list_, format("{}{}.conv", kLayers, i), shape_.width));
    if (!shape_.double_convolutions) continue;
    layer.push_back(add_gated_conv(list_, format("{}{}.conv2", kLayers, i), shape_.width));
  }
}

at::Tensor Masker::frozen_tokens(const VisionTower& frozen, const at::Tensor& images) const {
  return blocks_.empty() ? frozen.encode(images, VisionAttention::kMaskClip)
                         : frozen.encode_first(images, shape_.first_block);
}

at::Tensor Masker::embed(const at::Tensor& tokens, Grid grid) const {
  at::Tensor x = tokens;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const bool last = i + 1 == blocks_.size();
    x = last ? blocks_[i].forward_diagonal(x) : blocks_[i].forward(x, /*causal=*/false);
  }
  x = x.slice(1, 1).unflatten(1, {grid.h, grid.w});  // [B, h, w, D]
  for (const auto& layer : layers_) {
    x = doubled(x);
    for (const GatedConv& conv : layer) x = conv.forward(x);
  }
  return projection_.forward(x).permute({0, 3, 1, 2});
}

at::Tensor Masker::similarity(const at::Tensor& map, const at::Tensor& text) {
  const at::Tensor image = normalize_features(map.permute({0, 2, 3, 1}));  // [B, H', W', E]
  return at::matmul(image, normalize_features(text).t()).permute({0, 3, 1, 2});
}

at::Tensor Masker::logits(const at::Tensor& similarity) const {
  return similarity * scale_ + bias_;
}

bool Masker::is_copied_block(const std::string& name) const {
  return name.starts_with(kBlocks);
}

void Masker::to(at::Device device) {
  const at::NoGradGuard no_grad;
  for (const Parameter& parameter : list_.all()) {
    parameter.tensor.set_data(parameter.tensor.to(device));
  }
}

Result<MaskerShape> masker_shape_of(const StateDict& tensors, std::int64_t clip_blocks) {
  MaskerShape shape{.layers = 0, .double_convolutions = false, .first_block = clip_blocks};
  for (const auto& [name, tensor] : tensors) {
    if (const auto block = number_after(name, kBlocks))
      shape.first_block = std::min(shape.first_block, *block);
    if (const auto layer = number_after(name, kLayers)) {
      shape.layers = std::max(shape.layers, static_cast<int>(*layer) + 1);
      shape.double_convolutions |= name.find(".conv2.") != std::string::npos;
    }
  }
  const auto projection = tensors.find(std::string(kProjection) + "proj");
  if (shape.layers == 0 || projection == tensors.end() || projection->second.dim() != 2) {
    return invalid_argument(
        format("it holds no masker of TCL (expected layers below {} and a matrix {}proj)", kLayers,
               kProjection));
  }
  shape.width = projection->second.size(0);
  shape.embedding = projection->second.size(1);
  return shape;
}

Status load_masker(Masker& masker, const StateDict& weights) {
  StateDict unused;
  for (const auto& [name, tensor] : weights) {
    if (name.starts_with(kOwner)) unused[name] = tensor;
  }
  std::vector<std::string> problems;
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;  // {parameter, source}
  for (const Parameter& parameter : masker.parameters()) {
    const auto found = unused.extract(parameter.name);
    if (found.empty()) {
      problems.push_back(format("'{}' is missing", parameter.name));
    } else if (found.mapped().sizes() != parameter.tensor.sizes()) {
      problems.push_back(format("'{}' should have shape {}, found {}", parameter.name,
                                shape_text(parameter.tensor), shape_text(found.mapped())));
    } else {
      copies.emplace_back(parameter.tensor, found.mapped());
    }
  }
  for (const auto& [name, tensor] : unused) problems.push_back(format("'{}' is unexpected", name));
  if (!problems.empty()) {
    constexpr std::size_t kShown = 5;
    const std::size_t count = problems.size();
    problems.resize(std::min(kShown, count));
    return invalid_argument(format(
        "loading masker weights: {}{}; check that the file is whole and was trained on a CLIP of "
        "this depth and width",
        fmt::join(problems, ", "),
        count > kShown ? format(" and {} more problems", count - kShown) : ""));
  }
  const at::NoGradGuard no_grad;
  for (auto& [parameter, source] : copies) parameter.copy_(source);
  return ok_status();
}

}  // namespace tagalign::model
