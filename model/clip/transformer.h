/// CLIP's pre-norm residual block as plain functions on tensors; both towers are lists of it.
///
/// Axes: B sequences, L tokens, K tokens attended to, D width, H heads, C = D / H head width.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/training/state_dict.h"

namespace tagalign::model {

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
  /// Heads [B, H, L, C] joined and through the output projection: [B, L, D].
  at::Tensor project_out(const at::Tensor& heads_out) const;
  /// x + the feed-forward of ln_2(x).
  at::Tensor add_mlp(const at::Tensor& x) const;

  /// CLIP Surgery: {x + new attention, ordinary block on x_ori}. The new attention weighs the
  /// values of x_ori by softmax(v·vᵀ·scale) and has no MLP. With `cls_only` the second holds its
  /// row 0 alone: [B, 1, D].
  std::pair<at::Tensor, at::Tensor> forward_surgery(const at::Tensor& x, const at::Tensor& x_ori,
                                                    bool cls_only) const;

 private:
  at::Tensor mlp(const at::Tensor& x) const;
};

/// The block whose tensors are "<prefix>attn.in_proj_weight" and so on. All must be there.
ResidualBlock find_block(const StateDict& tensors, const std::string& prefix, std::int64_t heads);

/// "<prefix>resblocks.0." … "<prefix>resblocks.<count − 1>.".
std::vector<ResidualBlock> find_blocks(const StateDict& tensors, const std::string& prefix,
                                       std::int64_t count, std::int64_t heads);

}  // namespace tagalign::model
