/// What CLIP Surgery makes of a square image before it becomes classes.
///
/// Axes: B images, L tokens (CLS first), P = L − 1 patches of a square, Q texts, E joint embedding.
/// Pure; switch autocast off for all but surgery_features(). Source: the authors' code.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/clip/towers.h"
#include "model/inference/dense_scorer.h"

namespace tagalign::model {

/// images [B, 3, S, S] normalised → features of all tokens in the joint embedding, normalised:
/// [B, L, E] fp32. `attention` is the dual path, or the original one, whose CLS row is the same.
at::Tensor surgery_features(const VisionTower& vision, const at::Tensor& images,
                            VisionAttention attention = VisionAttention::kSurgery);

/// Removes what all texts have in common: each text's cosine weighs as the CLS row shows it
/// (w = Q · softmax(2 · cosine)), and the mean over the texts is taken away. cosines [B, L, Q], CLS
/// first → [B, L, Q]; all zero for one text.
at::Tensor feature_surgery(const at::Tensor& cosines);

/// Each text's scores [P, Q] brought to 0…1 over the patches; a constant one is all zero.
at::Tensor unit_maps(const at::Tensor& scores);

/// maps [P, N] → [N, height, width], bilinear.
at::Tensor enlarged(const at::Tensor& maps, ImageSize size);

/// The side of a square of `patches`.
std::int64_t side_of(std::int64_t patches);

}  // namespace tagalign::model
