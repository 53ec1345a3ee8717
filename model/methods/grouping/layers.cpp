#include "model/methods/grouping/layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/softmax.h>

#include <cmath>

namespace tagalign::model {
namespace {

/// [B, L, D] → [B, heads, L, D / heads]
at::Tensor split_heads(const at::Tensor& x, std::int64_t heads) {
  return x.unflatten(-1, {heads, x.size(-1) / heads}).transpose(1, 2);
}

at::Tensor scaled(const at::Tensor& branch, const at::Tensor& scale) {
  return scale.defined() ? branch * scale : branch;
}

/// One-hot over the groups of the largest logit, the first on ties: [B, G, L].
at::Tensor hard_choice(const at::Tensor& logits) {
  return at::one_hot(logits.argmax(1), logits.size(1)).transpose(1, 2).to(logits.scalar_type());
}

}  // namespace

at::Tensor Linear::forward(const at::Tensor& x) const {
  return at::linear(x, weight, bias);
}

Linear take_linear(TensorSource& source, const std::string& name, std::int64_t to,
                   std::int64_t from) {
  return {source.take(name + ".weight", {to, from}), source.take(name + ".bias", {to})};
}

LayerNormWeights take_norm(TensorSource& source, const std::string& name, std::int64_t width) {
  return {source.take(name + ".weight", {width}), source.take(name + ".bias", {width})};
}

at::Tensor Mlp::forward(const at::Tensor& x) const {
  return fc2.forward(at::gelu(fc1.forward(x), "none"));
}

Mlp take_mlp(TensorSource& source, const std::string& name, std::int64_t to, std::int64_t from) {
  const Linear fc1 = take_linear(source, name + ".fc1", kAnySize, from);
  return {fc1, take_linear(source, name + ".fc2", to, fc1.weight.size(0))};
}

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     std::int64_t heads) {
  return at::scaled_dot_product_attention(split_heads(q, heads), split_heads(k, heads),
                                          split_heads(v, heads))
      .transpose(1, 2)
      .flatten(2);
}

at::Tensor EncoderBlock::forward(const at::Tensor& x, const DropPath& drop) const {
  const auto parts = qkv.forward(norm1.forward(x)).chunk(3, -1);
  const at::Tensor attended = proj.forward(attention(parts[0], parts[1], parts[2], heads));
  const at::Tensor y = x + scaled(attended, drop.attention);  // [B, L, D]
  return y + scaled(mlp.forward(norm2.forward(y)), drop.mlp);
}

EncoderBlock take_block(TensorSource& source, const std::string& name, std::int64_t width,
                        std::int64_t heads) {
  return {.heads = heads,
          .norm1 = take_norm(source, name + ".norm1", width),
          .norm2 = take_norm(source, name + ".norm2", width),
          .qkv = take_linear(source, name + ".attn.qkv", 3 * width, width),
          .proj = take_linear(source, name + ".attn.proj", width, width),
          .mlp = take_mlp(source, name + ".mlp", width, width)};
}

at::Tensor CrossAttention::forward(const at::Tensor& query, const at::Tensor& tokens) const {
  return proj.forward(attention(q.forward(query), k.forward(tokens), v.forward(tokens), heads));
}

CrossAttention take_cross_attention(TensorSource& source, const std::string& name,
                                    std::int64_t width, std::int64_t heads) {
  return {.heads = heads,
          .q = take_linear(source, name + ".q_proj", width, width),
          .k = take_linear(source, name + ".k_proj", width, width),
          .v = take_linear(source, name + ".v_proj", width, width),
          .proj = take_linear(source, name + ".proj", width, width)};
}

GroupingBlock GroupingBlock::take(TensorSource& source, const std::string& name, std::int64_t width,
                                  std::int64_t heads) {
  GroupingBlock block;
  block.norm_tokens_ = take_norm(source, name + ".norm_tokens", width);
  block.norm_post_tokens_ = take_norm(source, name + ".norm_post_tokens", width);
  block.norm_x_ = take_norm(source, name + ".norm_x", width);
  block.norm_new_x_ = take_norm(source, name + ".norm_new_x", width);
  block.mlp_inter_ = take_mlp(source, name + ".mlp_inter", kAnySize, kAnySize);
  block.mlp_channels_ = take_mlp(source, name + ".mlp_channels", width, width);
  const std::string pre = name + ".pre_assign_attn";
  block.pre_attention_ = take_cross_attention(source, pre + ".attn", width, heads);
  block.pre_norm2_ = take_norm(source, pre + ".norm2", width);
  block.pre_norm_post_ = take_norm(source, pre + ".norm_post", width);
  block.pre_mlp_ = take_mlp(source, pre + ".mlp", width, width);
  block.assign_ = take_cross_attention(source, name + ".assign", width, /*heads=*/1);
  return block;
}

/// By an MLP over the token axis: [B, T, D] → [B, G, D].
at::Tensor GroupingBlock::project_tokens(const at::Tensor& group_tokens) const {
  return norm_post_tokens_.forward(
      mlp_inter_.forward(group_tokens.transpose(1, 2)).transpose(1, 2));
}

/// Post-norm: [B, G, D].
at::Tensor GroupingBlock::attend(const at::Tensor& projected, const at::Tensor& x) const {
  const at::Tensor p = projected + pre_attention_.forward(projected, x);
  return pre_norm_post_.forward(p + pre_mlp_.forward(pre_norm2_.forward(p)));
}

Groups GroupingBlock::forward(const at::Tensor& group_tokens, const at::Tensor& x,
                              const at::Tensor& noise, const StageObserver& seen,
                              const std::string& stage) const {
  const auto see = [&](const char* name, const at::Tensor& value) {
    if (seen) seen(stage + name, value);
  };
  const at::Tensor tokens = norm_tokens_.forward(group_tokens);  // [B, T, D]
  const at::Tensor features = norm_x_.forward(x);                // [B, L, D]
  const at::Tensor projected = project_tokens(tokens);           // [B, G, D]
  const at::Tensor queries = attend(projected, features);        // [B, G, D]
  const at::Tensor q = assign_.q.forward(queries), k = assign_.k.forward(features);
  const double scale = 1.0 / std::sqrt(static_cast<double>(features.size(-1)));
  at::Tensor logits = at::matmul(q, k.transpose(1, 2)) * scale;  // [B, G, L]
  if (noise.defined()) logits = logits + noise;
  const at::Tensor soft = at::softmax(logits, 1);
  const at::Tensor hard = hard_choice(soft);
  const at::Tensor chosen = noise.defined() ? hard - soft.detach() + soft : hard;
  // The reference divides by one more than the number of tokens; an empty group gets the bias.
  const at::Tensor shares = chosen / (chosen.sum(-1, /*keepdim=*/true) + 1.0);
  const at::Tensor assigned =
      assign_.proj.forward(at::matmul(shares, assign_.v.forward(features)));  // [B, G, D]
  const at::Tensor sum = assigned + queries;
  const at::Tensor output = sum + mlp_channels_.forward(norm_new_x_.forward(sum));
  see("grouping.norm_tokens", tokens);
  see("grouping.norm_x", features);
  see("grouping.projected_group_tokens", projected);
  see("grouping.pre_assign_attn", queries);
  see("assign.q", q);
  see("assign.k", k);
  see("assign.soft", soft);
  see("assign.hard", hard);
  see("grouping.assign", assigned);
  see("assign_plus_tokens", sum);
  see("grouping.output", output);
  return {output, soft};
}

}  // namespace tagalign::model
