/// ProxyCLIP's last block: CLIP's values, weighed by how alike the patches of a second encoder are.
///
/// Source: ProxyCLIP (Lan et al., ECCV 2024), as its authors' code computes it. Pure; safe from
/// several threads. Axes: B windows, h×w the second encoder's patch grid, P = h·w, D its width,
/// E the width of the joint embedding.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/clip/towers.h"

namespace tagalign::model {

struct ProxyRule {
  double beta = 1.2;   ///< how far above the mean a pair of patches must be; above 0
  double gamma = 3.0;  ///< factor of what is above it; above 0
};

/// features [B, P, D] → cosines of each pair of patches: [B, P, P] fp32.
at::Tensor patch_cosines(const at::Tensor& features);

/// Softmax over γ·(S − β·mean) of `cosines` S [B, P, P], without the pairs below 0. `means` is one
/// for each window or for all, [B, 1, 1] or [1, 1, 1]. A patch that is below 0 even to itself, as
/// all are where a window shows one colour, keeps all its pairs: [B, P, P].
at::Tensor proxy_weights(const at::Tensor& cosines, const at::Tensor& means, const ProxyRule& rule);

/// The values of CLIP's last block for `windows` [B, 3, S, S'] normalised, brought bilinearly to
/// `grid`, under `weights` [B, P, P]; then its output projection alone, ln_post and the joint
/// embedding of CLIP: [B, P, E].
at::Tensor apply_proxy(const VisionTower& vision, const at::Tensor& windows, PositionRule positions,
                       const at::Tensor& weights, PatchGrid grid);

}  // namespace tagalign::model
