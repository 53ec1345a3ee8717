#include "model/methods/ovsegmentor/bert_tower.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "base/format.h"

namespace tagalign::model {
namespace {

constexpr double kEps = 1e-12;

/// In fp32: the eps is lost in half precision.
at::Tensor norm(const at::Tensor& x, const LayerNormWeights& weights) {
  return at::layer_norm(x.to(at::kFloat), {x.size(-1)}, weights.weight, weights.bias, kEps)
      .to(x.scalar_type());
}

/// [P, L, W] → [P, heads, L, W / heads]
at::Tensor split_heads(const at::Tensor& x, std::int64_t heads) {
  return x.unflatten(-1, {heads, x.size(-1) / heads}).transpose(1, 2);
}

}  // namespace

BertTower::Block BertTower::take_block(TensorSource& source, const std::string& name,
                                       std::int64_t width) {
  const Linear up = take_linear(source, name + "intermediate.dense", kAnySize, width);
  return {.query = take_linear(source, name + "attention.self.query", width, width),
          .key = take_linear(source, name + "attention.self.key", width, width),
          .value = take_linear(source, name + "attention.self.value", width, width),
          .output = take_linear(source, name + "attention.output.dense", width, width),
          .up = up,
          .down = take_linear(source, name + "output.dense", width, up.weight.size(0)),
          .attention_norm = take_norm(source, name + "attention.output.LayerNorm", width),
          .output_norm = take_norm(source, name + "output.LayerNorm", width)};
}

BertTower BertTower::take(TensorSource& source, const std::string& prefix, std::int64_t heads) {
  BertTower tower;
  tower.heads_ = heads;
  const std::string embeddings = prefix + "embeddings.";
  tower.words_ = source.take(embeddings + "word_embeddings.weight", {kAnySize, kAnySize});
  const std::int64_t width = tower.width();
  tower.places_ = source.take(embeddings + "position_embeddings.weight", {kAnySize, width});
  tower.types_ = source.take(embeddings + "token_type_embeddings.weight", {kAnySize, width});
  tower.norm_ = take_norm(source, embeddings + "LayerNorm", width);
  if (width % heads != 0)
    source.refuse(
        format("its text encoder has width {}, which is no multiple of {} heads: set "
               "method.text_heads to what it was trained with",
               width, heads));
  const std::string layers = prefix + "encoder.layer.";
  const std::int64_t blocks = source.count(layers, "attention.self.query.weight");
  for (std::int64_t i = 0; i < blocks; ++i)
    tower.blocks_.push_back(take_block(source, format("{}{}.", layers, i), width));
  if (blocks == 0) source.refuse(format("its text encoder has no block {}0", layers));
  return tower;
}

at::Tensor BertTower::forward(const Block& block, const at::Tensor& x,
                              const at::Tensor& mask) const {
  const at::Tensor attended = at::scaled_dot_product_attention(
      split_heads(block.query.forward(x), heads_), split_heads(block.key.forward(x), heads_),
      split_heads(block.value.forward(x), heads_), mask);  // [P, heads, L, W / heads]
  const at::Tensor joined = attended.transpose(1, 2).flatten(2);
  const at::Tensor y = norm(x + block.output.forward(joined), block.attention_norm);  // [P, L, W]
  return norm(y + block.down.forward(at::gelu(block.up.forward(y), "none")), block.output_norm);
}

at::Tensor BertTower::encode(const at::Tensor& token_ids, const at::Tensor& mask,
                             const HiddenStateObserver& seen) const {
  TA_CHECK(
      token_ids.dim() == 2 && token_ids.size(1) <= positions() && mask.sizes() == token_ids.sizes(),
      "token ids and mask [P, L] with L at most the positions");
  const at::Tensor places = places_.narrow(0, 0, token_ids.size(1));  // [L, W]
  at::Tensor x = norm(at::embedding(words_, token_ids) + types_[0] + places, norm_);
  if (seen) seen(0, x);
  const at::Tensor allowed = mask.unsqueeze(1).unsqueeze(1);  // [P, 1, 1, L]
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    x = forward(blocks_[i], x, allowed);
    if (seen) seen(i + 1, x);
  }
  return x;
}

}  // namespace tagalign::model
