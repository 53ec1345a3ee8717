#include "model/clip/transformer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>

#include "base/format.h"

namespace tagalign::model {
namespace {

constexpr double kLayerNormEps = 1e-5;
constexpr double kQuickGeluSlope = 1.702;

/// [B, L, n·D] → n views [B, H, L, C]. Cut by chunk(): its backward pass is one concatenation,
/// where select() would add up n zero-filled tensors.
std::vector<at::Tensor> split_heads(const at::Tensor& packed, std::int64_t parts,
                                    std::int64_t heads) {
  std::vector<at::Tensor> split = packed.chunk(parts, -1);
  for (at::Tensor& part : split) {
    part = part.unflatten(-1, {heads, part.size(-1) / heads}).transpose(1, 2);
  }
  return split;
}

at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  const std::optional<at::Tensor>& mask = {}, bool causal = false) {
  return at::scaled_dot_product_attention(q, k, v, mask, /*dropout_p=*/0.0, causal);
}

/// One row per sequence: [B, L, D] → [B, 1, D].
at::Tensor take_rows(const at::Tensor& x, const at::Tensor& rows) {
  if (!rows.defined()) return x.narrow(1, 0, 1);
  return x.gather(1, rows.view({-1, 1, 1}).expand({x.size(0), 1, x.size(2)}));
}

}  // namespace

at::Tensor LayerNormWeights::forward(const at::Tensor& x) const {
  if (x.scalar_type() == at::kFloat) {
    return at::layer_norm(x, {x.size(-1)}, weight, bias, kLayerNormEps);
  }
  return at::layer_norm(x.to(at::kFloat), {x.size(-1)}, weight, bias, kLayerNormEps)
      .to(x.scalar_type());
}

at::Tensor ResidualBlock::project_out(const at::Tensor& heads_out) const {
  const at::Tensor joined = heads_out.transpose(1, 2).flatten(2);  // [B, L, D]
  return at::linear(joined, out_proj_weight, out_proj_bias);
}

// QuickGELU is x·σ(1.702x) = silu(1.702x) / 1.702: with both factors folded into the weights, one
// fused operation is left on the wide activation, forward and backward.
at::Tensor ResidualBlock::mlp(const at::Tensor& x) const {
  const at::Tensor wide = at::linear(x, fc_weight * kQuickGeluSlope, fc_bias * kQuickGeluSlope);
  return at::linear(at::silu(wide), proj_weight * (1 / kQuickGeluSlope), proj_bias);
}

at::Tensor ResidualBlock::add_mlp(const at::Tensor& x) const {
  return x + mlp(ln_2.forward(x));
}

at::Tensor ResidualBlock::forward(const at::Tensor& x, bool causal) const {
  const at::Tensor packed = at::linear(ln_1.forward(x), in_proj_weight, in_proj_bias);
  const auto qkv = split_heads(packed, 3, heads);
  return add_mlp(x + project_out(attend(qkv[0], qkv[1], qkv[2], {}, causal)));
}

at::Tensor ResidualBlock::forward_row(const at::Tensor& x, const at::Tensor& rows,
                                      const at::Tensor& mask) const {
  const std::int64_t width = x.size(2);
  const at::Tensor normed = ln_1.forward(x);  // [B, K, D]
  const at::Tensor q = at::linear(take_rows(normed, rows), in_proj_weight.narrow(0, 0, width),
                                  in_proj_bias.narrow(0, 0, width));  // [B, 1, D]
  const at::Tensor packed = at::linear(normed, in_proj_weight.narrow(0, width, 2 * width),
                                       in_proj_bias.narrow(0, width, 2 * width));  // [B, K, 2D]
  const auto kv = split_heads(packed, 2, heads);
  std::optional<at::Tensor> allowed;
  if (mask.defined()) allowed = mask;
  const at::Tensor attended = attend(split_heads(q, 1, heads)[0], kv[0], kv[1], allowed);
  return add_mlp(take_rows(x, rows) + project_out(attended));
}

HeadTokens ResidualBlock::head_tokens(const at::Tensor& x) const {
  const at::Tensor packed = at::linear(ln_1.forward(x), in_proj_weight, in_proj_bias);
  const auto qkv = split_heads(packed, 3, heads);
  return {qkv[0], qkv[1], qkv[2]};
}

at::Tensor ResidualBlock::forward_diagonal(const at::Tensor& x, bool reduced) const {
  const std::int64_t width = x.size(2);
  const at::Tensor v =
      at::linear(ln_1.forward(x), in_proj_weight.narrow(0, 2 * width, width),
                 in_proj_bias.narrow(0, 2 * width, width));  // softmax over one entry is 1
  const at::Tensor output = at::linear(v, out_proj_weight, out_proj_bias);
  return reduced ? output : add_mlp(x + output);
}

std::pair<at::Tensor, at::Tensor> ResidualBlock::forward_surgery(const at::Tensor& x,
                                                                 const at::Tensor& x_ori,
                                                                 bool cls_only) const {
  const at::Tensor packed = at::linear(ln_1.forward(x_ori), in_proj_weight, in_proj_bias);
  const auto qkv = split_heads(packed, 3, heads);
  const at::Tensor attended_new = project_out(attend(qkv[2], qkv[2], qkv[2]));
  const at::Tensor q = cls_only ? qkv[0].narrow(2, 0, 1) : qkv[0];
  const at::Tensor kept = cls_only ? x_ori.narrow(1, 0, 1) : x_ori;
  return {x + attended_new, add_mlp(kept + project_out(attend(q, qkv[1], qkv[2])))};
}

ResidualBlock find_block(const StateDict& tensors, const std::string& prefix, std::int64_t heads) {
  const auto get = [&](const char* name) { return tensors.at(prefix + name); };
  ResidualBlock block;
  block.heads = heads;
  block.in_proj_weight = get("attn.in_proj_weight");
  block.in_proj_bias = get("attn.in_proj_bias");
  block.out_proj_weight = get("attn.out_proj.weight");
  block.out_proj_bias = get("attn.out_proj.bias");
  block.ln_1 = {get("ln_1.weight"), get("ln_1.bias")};
  block.ln_2 = {get("ln_2.weight"), get("ln_2.bias")};
  block.fc_weight = get("mlp.c_fc.weight");
  block.fc_bias = get("mlp.c_fc.bias");
  block.proj_weight = get("mlp.c_proj.weight");
  block.proj_bias = get("mlp.c_proj.bias");
  return block;
}

std::vector<ResidualBlock> find_blocks(const StateDict& tensors, const std::string& prefix,
                                       std::int64_t count, std::int64_t heads) {
  std::vector<ResidualBlock> blocks;
  for (std::int64_t i = 0; i < count; ++i) {
    blocks.push_back(find_block(tensors, format("{}resblocks.{}.", prefix, i), heads));
  }
  return blocks;
}

}  // namespace tagalign::model
