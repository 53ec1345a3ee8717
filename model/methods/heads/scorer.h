/// Cosines of a head's patches with queries, and what the heads' protocol makes of them.
///
/// Axes: B windows, Q queries, N classes, E joint embedding, H×W an image's own size.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "configs/schema/methods/heads.h"
#include "model/inference/dense_scorer.h"
#include "model/inference/refinement.h"
#include "model/methods/heads/patch_encoder.h"
#include "model/methods/method.h"

namespace tagalign::model {

/// Cosines of patches with `queries` [Q, E], normalised: [B, Q, h, w] fp32, even under autocast.
at::Tensor cosine_maps(const PatchFeatures& patches, const at::Tensor& queries);

/// cosines [Q, H, W] sharpened by `image` [3, H', W'], which is brought to their size; unchanged
/// where there is no refinement.
at::Tensor sharpened(const Refinement* refinement, const at::Tensor& cosines,
                     const at::Tensor& image);

/// cosines [Q, H, W] → the softmax over queries of scale · cosine, where each class has that of its
/// best query: [N, H, W].
at::Tensor class_values(const at::Tensor& cosines, const std::vector<std::int64_t>& class_of,
                        double scale);

/// `values` [N, H, W] with 0 for those classes after the first that win no more than `share` of all
/// pixels that classes after the first win.
at::Tensor without_small_classes(const at::Tensor& values, double share);

/// `values` [N, H, W] with a winning score of class 0 where no class reaches `threshold`.
at::Tensor with_background(const at::Tensor& values, double threshold);

/// `patch` is the multiple to which windows are padded where the settings say so. Borrows the
/// refinement, which may be missing.
std::unique_ptr<DenseScorer> head_scorer(std::unique_ptr<PatchEncoder> encoder, ClassText text,
                                         const config::HeadSettings& settings, std::int64_t patch,
                                         const Refinement* refinement);

}  // namespace tagalign::model
