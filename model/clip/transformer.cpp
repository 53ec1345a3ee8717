#include "model/clip/transformer.h"

#include <ATen/TensorOperators.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/silu.h>

#include "base/format.h"
#include "base/status.h"

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

/// One row per sequence: [B, L, D] → [B, 1, D].
at::Tensor take_rows(const at::Tensor& x, const at::Tensor& rows) {
  if (!rows.defined()) return x.narrow(1, 0, 1);
  return x.gather(1, rows.view({-1, 1, 1}).expand({x.size(0), 1, x.size(2)}));
}

/// The type in which a product with `x` is computed under the caller's autocast.
at::ScalarType compute_type(const at::Tensor& x) {
  const at::DeviceType device = x.device().type();
  const bool autocast =
      at::autocast::is_autocast_available(device) && at::autocast::is_autocast_enabled(device);
  return autocast ? at::autocast::get_autocast_dtype(device) : x.scalar_type();
}

}  // namespace

at::Tensor LinearWeights::forward(const at::Tensor& x) const {
  return at::linear(x, weight, bias);
}

// The CPU's kernel reads bf16 beside fp32 weights and computes in fp32; others want one type.
at::Tensor LayerNormWeights::forward(const at::Tensor& x) const {
  const bool mixes = x.is_cpu() && x.scalar_type() == at::kBFloat16;
  if (x.scalar_type() == at::kFloat || mixes) {
    return at::layer_norm(x, {x.size(-1)}, weight, bias, kLayerNormEps);
  }
  return at::layer_norm(x.to(at::kFloat), {x.size(-1)}, weight, bias, kLayerNormEps)
      .to(x.scalar_type());
}

struct ResidualBlock::Frozen {
  FrozenForm form;
  std::uint64_t version = 0;  ///< of the weights that it was made of
  LinearWeights in_proj, out_proj, fc, proj;
};

// QuickGELU is x·σ(1.702x) = silu(1.702x) / 1.702: with both factors folded into the weights, one
// fused operation is left on the wide activation, forward and backward.
LinearWeights ResidualBlock::folded_fc() const {
  return {fc_weight * kQuickGeluSlope, fc_bias * kQuickGeluSlope};
}

LinearWeights ResidualBlock::folded_proj() const {
  return {proj_weight * (1 / kQuickGeluSlope), proj_bias};
}

void ResidualBlock::freeze(const FrozenForm& form) {
  const auto ready = [&](const LinearWeights& weights) {
    return LinearWeights{weights.weight.detach().to(form.compute),
                         weights.bias.detach().to(form.compute)};
  };
  frozen_ =
      std::make_shared<const Frozen>(Frozen{.form = form,
                                            .version = frozen_version(),
                                            .in_proj = ready({in_proj_weight, in_proj_bias}),
                                            .out_proj = ready({out_proj_weight, out_proj_bias}),
                                            .fc = ready(folded_fc()),
                                            .proj = ready(folded_proj())});
}

/// Rises with each change in place of a weight that may be frozen.
std::uint64_t ResidualBlock::frozen_version() const {
  std::uint64_t sum = 0;
  for (const at::Tensor* weight : {&in_proj_weight, &in_proj_bias, &out_proj_weight, &out_proj_bias,
                                   &fc_weight, &fc_bias, &proj_weight, &proj_bias}) {
    TA_CHECK(!weight->requires_grad(), "frozen weights take no gradient");
    sum += weight->_version();
  }
  return sum;
}

const ResidualBlock::Frozen* ResidualBlock::frozen_for(const at::Tensor& x) const {
  if (frozen_ == nullptr) return nullptr;
  TA_CHECK(frozen_version() == frozen_->version, "frozen weights stay as they are");
  return compute_type(x) == frozen_->form.compute ? frozen_.get() : nullptr;
}

AttentionWay ResidualBlock::attention_for(const at::Tensor& x) const {
  const Frozen* frozen = frozen_for(x);
  return frozen != nullptr ? frozen->form.attention : AttentionWay::kFused;
}

at::Tensor ResidualBlock::project_in(const at::Tensor& normed, Thirds thirds) const {
  const Frozen* frozen = frozen_for(normed);
  const LinearWeights all =
      frozen != nullptr ? frozen->in_proj : LinearWeights{in_proj_weight, in_proj_bias};
  if (thirds.count == 3) return all.forward(normed);
  const std::int64_t width = normed.size(-1);
  const std::int64_t from = thirds.first * width, rows = thirds.count * width;
  return LinearWeights{all.weight.narrow(0, from, rows), all.bias.narrow(0, from, rows)}.forward(
      normed);
}

at::Tensor ResidualBlock::project_joined(const at::Tensor& joined) const {
  const Frozen* frozen = frozen_for(joined);
  if (frozen != nullptr) return frozen->out_proj.forward(joined);
  return at::linear(joined, out_proj_weight, out_proj_bias);
}

at::Tensor ResidualBlock::project_out(const at::Tensor& heads_out) const {
  return project_joined(heads_out.transpose(1, 2).flatten(2));  // of [B, L, D]
}

at::Tensor ResidualBlock::mlp(const at::Tensor& x) const {
  const Frozen* frozen = frozen_for(x);
  const LinearWeights fc = frozen != nullptr ? frozen->fc : folded_fc();
  const LinearWeights proj = frozen != nullptr ? frozen->proj : folded_proj();
  return proj.forward(at::silu(fc.forward(x)));
}

at::Tensor ResidualBlock::add_mlp(const at::Tensor& x) const {
  return x + mlp(ln_2.forward(x));
}

HeadTokens ResidualBlock::head_tokens(const at::Tensor& x) const {
  const auto qkv = split_heads(project_in(ln_1.forward(x), kAllThirds), 3, heads);
  return {qkv[0], qkv[1], qkv[2]};
}

at::Tensor ResidualBlock::value_tokens(const at::Tensor& x) const {
  return split_heads(project_in(ln_1.forward(x), kValues), 1, heads)[0];
}

at::Tensor ResidualBlock::forward(const at::Tensor& x, bool causal) const {
  const auto [q, k, v] = head_tokens(x);
  return add_mlp(x + project_out(attend(q, k, v, attention_for(x), {.causal = causal})));
}

at::Tensor ResidualBlock::forward_row(const at::Tensor& x, const at::Tensor& rows,
                                      const at::Tensor& mask) const {
  const at::Tensor normed = ln_1.forward(x);                           // [B, K, D]
  const at::Tensor q = project_in(take_rows(normed, rows), kQueries);  // [B, 1, D]
  const auto kv = split_heads(project_in(normed, kKeysAndValues), 2, heads);
  const at::Tensor attended =
      attend(split_heads(q, 1, heads)[0], kv[0], kv[1], attention_for(x), {.allowed = mask});
  return add_mlp(take_rows(x, rows) + project_out(attended));
}

at::Tensor ResidualBlock::forward_diagonal(const at::Tensor& x, bool reduced) const {
  // The softmax over one entry is 1.
  const at::Tensor output = project_joined(project_in(ln_1.forward(x), kValues));
  return reduced ? output : add_mlp(x + output);
}

std::pair<at::Tensor, at::Tensor> ResidualBlock::forward_surgery(const at::Tensor& x,
                                                                 const at::Tensor& x_ori,
                                                                 bool cls_only) const {
  const auto [q, k, v] = head_tokens(x_ori);
  const AttentionWay way = attention_for(x_ori);
  const at::Tensor attended_new = project_out(attend(v, v, v, way));
  const at::Tensor read_q = cls_only ? q.narrow(2, 0, 1) : q;
  const at::Tensor kept = cls_only ? x_ori.narrow(1, 0, 1) : x_ori;
  return {x + attended_new, add_mlp(kept + project_out(attend(read_q, k, v, way)))};
}

at::Tensor ResidualBlock::forward_new_path(const at::Tensor& x, const at::Tensor& x_ori) const {
  const at::Tensor v = value_tokens(x_ori);
  return x + project_out(attend(v, v, v, attention_for(x_ori)));
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
