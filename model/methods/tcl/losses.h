/// The losses of TCL on one rank's share of the batch.
///
/// Source: TCL (Cha et al., CVPR 2023) and its official code. Axes: B images of a rank, W ranks, N =
/// W·B texts of all ranks, E joint embedding, H'×W' the masker's grid, H×W an image. fp32; switch
/// autocast off. Texts and images of rank r are rows r·B … r·B + B − 1 of all.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

#include "configs/schema/methods/tcl.h"
#include "model/training/losses.h"

namespace tagalign::model {

/// logits and noise in [0, 1) of one shape → masks of 0 and 1 with the gradient of
/// σ((logits + logit(noise)) / temperature): the Gumbel-sigmoid, straight through.
at::Tensor gumbel_masks(const at::Tensor& logits, const at::Tensor& noise, double temperature);

/// Of image i under its own text, number `first` + i: [B, N, H', W'] → [B, 1, H', W'].
at::Tensor own_masks(const at::Tensor& masks, std::int64_t first);

/// Mean of the map under each mask: map [B, E, H', W'], masks [B, N, H', W'] → [B, N, E].
at::Tensor pooled_under(const at::Tensor& map, const at::Tensor& masks);

/// Mean absolute difference of neighbours along each of the last two axes, summed: → [].
at::Tensor total_variation(const at::Tensor& planes);

struct TclLossInput {
  at::Tensor map;       ///< [B, E, H', W'] image embedding, not normalised
  at::Tensor masks;     ///< [B, N, H', W'] soft: σ of the logits
  at::Tensor sampled;   ///< [B, 1, H', W'] gumbel_masks() of each image's own text
  at::Tensor images;    ///< [B, 3, H, W] normalised
  at::Tensor text;      ///< [B, E] of this rank
  at::Tensor all_text;  ///< [N, E] the same of all ranks, gathered
  at::Tensor feature_scale, image_scale;  ///< [] logs of the two contrastive scales
  /// CLIP's embedding of masked images: [B, 3, H, W] → [B, E].
  std::function<at::Tensor(const at::Tensor& masked)> encode;
};

/// Each with its weight: [].
struct TclLosses {
  at::Tensor area;           ///< |mean of the images' own masks − prior|
  at::Tensor other_area;     ///< mean of the masks of other texts; 0 for a batch of one
  at::Tensor feature;        ///< InfoNCE of pooled features and texts
  at::Tensor image;          ///< InfoNCE of masked images and texts
  at::Tensor map_variation;  ///< of the image embedding
  at::Tensor mask_variation;
  at::Tensor total() const;
};

/// Collective: gathers texts, and similarities or features, through `ranks`. `config` gives
/// weights, prior and pairing.
TclLosses tcl_losses(const TclLossInput& input, const config::TclTraining& config,
                     const LossRanks& ranks);

}  // namespace tagalign::model
