#include "model/methods/grouping/encoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/upsample_bicubic2d.h>
#include <fmt/ranges.h>

#include <cmath>

#include "base/format.h"

namespace tagalign::model {
namespace {

constexpr std::int64_t kChannels = 3;

void see(const StageObserver& seen, const std::string& name, const at::Tensor& value) {
  if (seen) seen(name, value);
}

}  // namespace

at::Tensor GroupedImage::membership(std::size_t stage) const {
  at::Tensor share = softs.front();  // [B, G_0, L]
  for (std::size_t s = 1; s <= stage; ++s) share = at::matmul(softs[s], share);
  return share.unflatten(2, {height, width});
}

GroupingEncoder::Stage GroupingEncoder::take_stage(TensorSource& source, const std::string& name,
                                                   std::int64_t width, std::int64_t heads) {
  Stage stage;
  const std::int64_t blocks = source.count(name + ".blocks.", "norm1.weight");
  for (std::int64_t i = 0; i < blocks; ++i)
    stage.blocks.push_back(take_block(source, format("{}.blocks.{}", name, i), width, heads));
  if (source.has(name + ".group_token"))
    stage.group_token = source.take(name + ".group_token", {1, kAnySize, width});
  if (source.has(name + ".group_projector.0.weight")) {
    stage.token_norm = take_norm(source, name + ".group_projector.0", width);
    stage.token_mlp = take_mlp(source, name + ".group_projector.1", kAnySize, kAnySize);
  }
  if (stage.group_token.defined())
    stage.grouping = GroupingBlock::take(source, name + ".downsample", width, heads);
  return stage;
}

GroupingEncoder GroupingEncoder::take(TensorSource& source, const std::string& prefix,
                                      std::int64_t heads) {
  GroupingEncoder encoder;
  const std::string conv = prefix + "patch_embed.proj";
  encoder.patch_embed_.weight =
      source.take(conv + ".weight", {kAnySize, kChannels, kAnySize, kAnySize});
  const std::int64_t width = encoder.width_ = encoder.patch_embed_.weight.size(0);
  encoder.patch_ = encoder.patch_embed_.weight.size(2);
  encoder.patch_embed_.bias = source.take(conv + ".bias", {width});
  if (width % heads != 0)
    source.refuse(
        format("its image encoder has width {}, which is no multiple of {} heads: set "
               "method.heads to what it was trained with",
               width, heads));
  if (source.has(prefix + "patch_embed.norm.weight"))
    encoder.patch_norm_ = take_norm(source, prefix + "patch_embed.norm", width);
  encoder.norm_ = take_norm(source, prefix + "norm", width);
  encoder.take_positions(source, prefix + "pos_embed");
  const std::int64_t stages = source.count(prefix + "layers.", "blocks.0.norm1.weight");
  for (std::int64_t s = 0; s < stages; ++s) {
    encoder.stages_.push_back(take_stage(source, format("{}layers.{}", prefix, s), width, heads));
  }
  if (encoder.groupings() == 0)
    source.refuse(
        format("its image encoder groups nothing: there is no {}layers.0.group_token", prefix));
  return encoder;
}

void GroupingEncoder::take_positions(TensorSource& source, const std::string& name) {
  const bool batched = source.has(name) && source.rank(name) == 3;
  const std::vector<std::int64_t> shape = {kAnySize, width_};
  pos_embed_ = batched ? source.take(name, {1, kAnySize, width_})
                       : source.take(name, shape).unsqueeze(0);  // [1, L, D]
  const std::int64_t side = table_side();
  if (side * side != pos_embed_.size(1))
    source.refuse(format("tensor '{}': expected a square number of positions, found {}", name,
                         pos_embed_.size(1)));
}

std::int64_t GroupingEncoder::table_side() const {
  return std::lround(std::sqrt(static_cast<double>(pos_embed_.size(1))));
}

std::size_t GroupingEncoder::groupings() const {
  std::size_t count = 0;
  for (const Stage& stage : stages_) count += stage.grouping ? 1 : 0;
  return count;
}

std::size_t GroupingEncoder::blocks() const {
  std::size_t count = 0;
  for (const Stage& stage : stages_) count += stage.blocks.size();
  return count;
}

std::string GroupingEncoder::describe() const {
  std::vector<std::size_t> blocks;
  for (const Stage& stage : stages_) blocks.push_back(stage.blocks.size());
  return format("stages of {} blocks, width {}", fmt::join(blocks, ", "), width_);
}

/// [1, h·w, D]
at::Tensor GroupingEncoder::positions(std::int64_t height, std::int64_t width) const {
  const std::int64_t side = table_side();
  if (height == side && width == side) return pos_embed_;
  const at::Tensor table =
      pos_embed_.unflatten(1, {side, side}).permute({0, 3, 1, 2});  // [1, D, side, side]
  return at::upsample_bicubic2d(table, {height, width}, /*align_corners=*/false)
      .flatten(2)
      .transpose(1, 2);
}

/// [B, h·w, D]
at::Tensor GroupingEncoder::embed(const at::Tensor& images, GroupedImage& image,
                                  const StageObserver& seen) const {
  const at::Tensor patches =
      at::conv2d(images, patch_embed_.weight, patch_embed_.bias, {patch_, patch_});
  image.height = patches.size(2);
  image.width = patches.size(3);
  at::Tensor x = patches.flatten(2).transpose(1, 2);
  see(seen, "patch_conv", x);
  if (patch_norm_) x = patch_norm_->forward(x);
  see(seen, "patch_embed", x);
  x = x + positions(image.height, image.width);
  see(seen, "tokens", x);
  return x;
}

/// [B, T, D]: the stage's own, and those that left the blocks of the stage before it.
at::Tensor GroupingEncoder::first_tokens(const Stage& stage, const at::Tensor& earlier,
                                         std::int64_t batch, const StageObserver& seen,
                                         const std::string& name) {
  const at::Tensor own = stage.group_token.expand({batch, -1, -1});
  if (!stage.token_mlp) return own;
  const at::Tensor normed = stage.token_norm->forward(earlier).transpose(1, 2);  // [B, D, T']
  const at::Tensor inherited = stage.token_mlp->forward(normed).transpose(1, 2);
  see(seen, name + "group_projector", inherited);
  return own + inherited;
}

GroupedImage GroupingEncoder::encode(const at::Tensor& images, const EncoderDraws& draws,
                                     const StageObserver& seen) const {
  GroupedImage image;
  at::Tensor x = embed(images, image, seen);  // [B, L, D]
  at::Tensor tokens;                          // [B, T, D] as they left the last stage's blocks
  std::size_t block = 0;
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    const Stage& stage = stages_[s];
    const std::string name = format("stage{}.", s);
    const std::int64_t length = x.size(1);
    if (stage.grouping) {
      tokens = first_tokens(stage, tokens, x.size(0), seen, name);
      x = at::cat({x, tokens}, 1);  // [B, L + T, D]
    }
    for (std::size_t i = 0; i < stage.blocks.size(); ++i, ++block) {
      x = stage.blocks[i].forward(x, block < draws.drops.size() ? draws.drops[block] : DropPath{});
      see(seen, format("{}block{}", name, i), x);
    }
    if (!stage.grouping) continue;
    tokens = x.slice(1, length);
    see(seen, name + "group_tokens_out", tokens);
    const std::size_t number = image.softs.size();
    const at::Tensor noise = number < draws.noise.size() ? draws.noise[number] : at::Tensor();
    const Groups groups = stage.grouping->forward(tokens, x.slice(1, 0, length), noise, seen, name);
    image.softs.push_back(groups.soft);
    x = groups.output;
  }
  image.features = norm_.forward(x);
  see(seen, "norm", image.features);
  return image;
}

}  // namespace tagalign::model
