/// CLIP's pre-norm residual block as plain functions on tensors; both towers are lists of it.
///
/// Axes: B sequences, L tokens, K tokens attended to, D width, H heads, C = D / H head width.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/clip/attention.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

/// A matrix product with its bias: […, in] → […, out].
struct LinearWeights {
  at::Tensor weight;  // [out, in]
  at::Tensor bias;    // [out]
  at::Tensor forward(const at::Tensor& x) const;
};

/// Scale and shift of a LayerNorm over the last axis: eps 1e-5, computed in fp32, returned
/// in the input's type.
struct LayerNormWeights {
  at::Tensor weight;  // [D]
  at::Tensor bias;    // [D]
  at::Tensor forward(const at::Tensor& x) const;
};

/// The projections of a block's normalised tokens, a head apart: each [B, H, L, C].
struct HeadTokens {
  at::Tensor q, k, v;
};

/// What weights that stay as they are, are made ready for.
struct FrozenForm {
  at::ScalarType compute = at::kFloat;  ///< of products: fp32, or what autocast makes of them
  AttentionWay attention = AttentionWay::kFused;
  bool operator==(const FrozenForm&) const = default;
};

/// Handles on the tensors of one block; they share storage with the tower's list of parameters.
struct ResidualBlock {
  std::int64_t heads = 0;
  at::Tensor in_proj_weight;   // [3D, D], rows q, k, v
  at::Tensor in_proj_bias;     // [3D]
  at::Tensor out_proj_weight;  // [D, D]
  at::Tensor out_proj_bias;    // [D]
  LayerNormWeights ln_1, ln_2;
  at::Tensor fc_weight;    // [4D, D]
  at::Tensor fc_bias;      // [4D]
  at::Tensor proj_weight;  // [D, 4D]
  at::Tensor proj_bias;    // [D]

  /// Once for all passes to come, what each would do with weights that stay as they are: converts
  /// them to `form.compute` and multiplies QuickGELU's factors in. A pass uses it where autocast,
  /// or its absence, leads to that type, and the tensors above elsewhere; the bits are the same, but
  /// for attention by products. From now on no weight may change or require a gradient, which passes
  /// check. Takes memory beside the weights: two thirds of theirs for fp32, half of it for bf16.
  /// Not while another thread is in a pass; again where tensors have moved.
  void freeze(const FrozenForm& form);

  /// x [B, L, D] → the same; `causal`: token i attends to tokens 0 … i.
  at::Tensor forward(const at::Tensor& x, bool causal) const;

  /// Row `rows[b]` of forward(x, false)'s result for each b, without computing the others: [B, 1,
  /// D]. `rows` [B] int64; undefined: row 0 of each. `mask` [B, 1, 1, K] bool (true: attend) or
  /// undefined: attend to all.
  at::Tensor forward_row(const at::Tensor& x, const at::Tensor& rows, const at::Tensor& mask) const;

  /// Every token attends to itself alone (MaskCLIP's last block). `reduced`: the attention's output
  /// without residual and MLP.
  at::Tensor forward_diagonal(const at::Tensor& x, bool reduced = false) const;

  /// Of ln_1(x).
  HeadTokens head_tokens(const at::Tensor& x) const;
  /// The v of these alone, at a third of the cost.
  at::Tensor value_tokens(const at::Tensor& x) const;
  /// Heads [B, H, L, C] joined and through the output projection: [B, L, D].
  at::Tensor project_out(const at::Tensor& heads_out) const;
  /// x + the feed-forward of ln_2(x).
  at::Tensor add_mlp(const at::Tensor& x) const;

  /// CLIP Surgery: {x + new attention, ordinary block on x_ori}. The new attention weighs the
  /// values of x_ori by softmax(v·vᵀ·scale) and has no MLP. With `cls_only` the second holds its
  /// row 0 alone: [B, 1, D].
  std::pair<at::Tensor, at::Tensor> forward_surgery(const at::Tensor& x, const at::Tensor& x_ori,
                                                    bool cls_only) const;
  /// The first of these alone, without queries, keys and MLP: [B, L, D].
  at::Tensor forward_new_path(const at::Tensor& x, const at::Tensor& x_ori) const;

 private:
  struct Frozen;
  /// Of the input projection's rows: those of q, of k and of v are a third each.
  struct Thirds {
    std::int64_t first, count;
  };
  static constexpr Thirds kAllThirds{0, 3}, kQueries{0, 1}, kKeysAndValues{1, 2}, kValues{2, 1};

  LinearWeights folded_fc() const;
  LinearWeights folded_proj() const;
  std::uint64_t frozen_version() const;
  /// What a product with `x` shall use; nullptr: the tensors above.
  const Frozen* frozen_for(const at::Tensor& x) const;
  AttentionWay attention_for(const at::Tensor& x) const;
  at::Tensor project_in(const at::Tensor& normed, Thirds thirds) const;  // [B, L, count·D]
  at::Tensor project_joined(const at::Tensor& joined) const;             // [B, L, D]
  at::Tensor mlp(const at::Tensor& x) const;

  std::shared_ptr<const Frozen> frozen_;
};

/// The block whose tensors are "<prefix>attn.in_proj_weight" and so on. All must be there.
ResidualBlock find_block(const StateDict& tensors, const std::string& prefix, std::int64_t heads);

/// "<prefix>resblocks.0." … "<prefix>resblocks.<count − 1>.".
std::vector<ResidualBlock> find_blocks(const StateDict& tensors, const std::string& prefix,
                                       std::int64_t count, std::int64_t heads);

}  // namespace tagalign::model
