/// What the last block of a vision tower can do instead of attending by queries and keys: the
/// training-free heads that make CLIP's patch features local.
///
/// Source: SCLIP (csa), NACLIP, ClearCLIP and MaskCLIP, as their authors' code computes them. Axes:
/// B images, L tokens (CLS first), h×w patch grid, H heads, C head width, D tower width. Pure; safe
/// from several threads; autograd as the caller's mode says.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "model/clip/transformer.h"

namespace tagalign::model {

/// What weighs the values. s is C^-0.5, Ω neighbour_weights().
enum class TokenWeights {
  kQueryKey,       ///< softmax(s·q·kᵀ): CLIP itself
  kIdentity,       ///< each token its own value: MaskCLIP
  kQueryPlusKey,   ///< softmax(s·q·qᵀ) + softmax(s·k·kᵀ), whose rows add up to 2: SCLIP
  kKeyNeighbours,  ///< softmax(s·k·kᵀ + Ω): NACLIP
  kKey,            ///< softmax(s·k·kᵀ): NACLIP without neighbours
  kNeighbours,     ///< softmax of Ω, scaled by the norms of queries and keys: NACLIP's nonly
  kQuery,          ///< softmax(s·q·qᵀ): ClearCLIP
};

struct LastBlock {
  TokenWeights weights = TokenWeights::kQueryKey;
  bool reduced = false;       ///< the attention's output alone, without residual and MLP
  double gaussian_std = 5.0;  ///< of Ω, in patches; above 0
};

/// The patch grid behind a sequence of 1 + rows·columns tokens.
struct PatchGrid {
  std::int64_t rows = 0, columns = 0;
};

/// Ω: exp(−d²/(2·std²)) of the distance d of two patches, 0 in the row and column of CLS: [L, L]
/// fp32 on `like`'s device.
at::Tensor neighbour_weights(PatchGrid grid, double gaussian_std, const at::Tensor& like);

/// The logits s·a·aᵀ or s·q·kᵀ and so on, before Ω and softmax, of two of a block's q, k, v
/// [B, H, L, C]: [B, H, L, L].
at::Tensor token_logits(const at::Tensor& left, const at::Tensor& right);

/// Makes other logits of token_logits(), [B, H, L, L] both.
using LogitChange = std::function<at::Tensor(const at::Tensor& logits)>;

/// What multiplies the values of `block`, which x [B, L, D] enters: [B, H, L, L]. `change` is asked
/// before Ω and softmax, twice for kQueryPlusKey, and never for kIdentity and kNeighbours.
at::Tensor token_weights(const ResidualBlock& block, const at::Tensor& x, PatchGrid grid,
                         const LastBlock& how, const LogitChange& change = {});

/// The output of `block` with `weights` [B, H, L, L] on its values: [B, L, D].
at::Tensor apply_weights(const ResidualBlock& block, const at::Tensor& x, const at::Tensor& weights,
                         bool reduced);

/// Both, without the L² weights where they are the identity: [B, L, D].
at::Tensor forward_last(const ResidualBlock& block, const at::Tensor& x, PatchGrid grid,
                        const LastBlock& how);

}  // namespace tagalign::model
