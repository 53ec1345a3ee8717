/// ResCLIP's last block: a head's attention, blended with that of earlier blocks and with what the
/// first answer says of the patches.
///
/// Source: ResCLIP (Yang et al., CVPR 2025), as its authors' code computes it. Pure; safe from
/// several threads. Axes: B windows, L tokens (CLS first), H heads, D tower width.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "model/clip/towers.h"

namespace tagalign::model {

/// temperature · ((1 − weight) · own + weight · other)
struct Blend {
  double temperature = 1.0;
  double weight = 0.0;
};

/// What the blocks before the last make of windows.
struct EarlierBlocks {
  at::Tensor tokens;     ///< [B, L, D], which enter the last block
  at::Tensor attention;  ///< [B, H, L, L] fp32, the mean of softmax(s·q·kᵀ) of some
};

/// windows [B, 3, S, S'] normalised. `averaged`: ascending numbers from 0 of blocks that the tower
/// has; one at least. Beside the tokens it holds two times H·L² a window.
EarlierBlocks run_earlier_blocks(const VisionTower& vision, const at::Tensor& windows,
                                 PositionRule positions, std::span<const int> averaged);

struct ResidualAttention {
  LastBlock head;  ///< whose attention is the own one; not kIdentity, not kNeighbours
  Blend rcs;       ///< of its weights with the earlier blocks'
  Blend sfr;       ///< of its logits with the feedback
};

/// What multiplies the values of the tower's last block: [B, H, L, L]. `feedback` [L, L] is used
/// relative to its largest entry and in fp16, as the authors do; undefined: there is none.
at::Tensor residual_weights(const VisionTower& vision, const EarlierBlocks& earlier, PatchGrid grid,
                            const ResidualAttention& how, const at::Tensor& feedback);

}  // namespace tagalign::model
