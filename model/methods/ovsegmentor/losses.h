/// The terms of OVSegmentor's training loss on one rank (Xu et al., CVPR 2023). The contrast of
/// captions is infonce_loss() of model/training/losses.h.
///
/// Axes: B images, G groups, D image width, L tokens of a text, W text width, E joint embedding,
/// H×W a mask. fp32; gradients flow to all inputs that ask for them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/methods/grouping/layers.h"
#include "model/methods/grouping/projection.h"

namespace tagalign::model {

/// Masked entity completion: from the words of a caption without its entities, and an image's
/// groups, to an embedding of what is missing.
class EntityHead {
 public:
  /// Takes align_proj_img or align_proj_text where D and W differ, and below
  /// multimodal_groupingblock.blocks.0 and bridge_projector. The block's `assign`, which nothing
  /// calls, is taken too.
  static EntityHead take(TensorSource& source, std::int64_t image_width, std::int64_t text_width,
                         std::int64_t heads);

  /// words [B, L, W] last hidden states, padding included; groups [B, G, D] → [B, min(D, W)]:
  /// what belongs to [CLS].
  at::Tensor fuse(const at::Tensor& words, const at::Tensor& groups) const;
  /// Of fuse(): [B, E], with the running statistics.
  at::Tensor project(const at::Tensor& fused) const { return bridge_.forward(fused); }

 private:
  bool align_image_ = false, align_text_ = false;
  Linear align_;
  LayerNormWeights norm_words_, norm_groups_, norm_out_;
  CrossAttention cross_;
  LayerNormWeights cross_norm2_, cross_norm_post_;
  Mlp cross_mlp_;
  EncoderBlock self_;
  GroupProjection bridge_;
};

/// Which mask of one image belongs to which of the other: rows 0 … K−1 and their columns, by least
/// total cost. cost [K, K].
std::vector<std::int64_t> least_cost_assignment(const at::Tensor& cost);

struct MaskMatch {
  at::Tensor first, second;  ///< [B, K] int64: mask first[b, i] belongs to second[b, i]
};
/// By the distance of the flat masks of length 1. masks [B, K, H, W].
MaskMatch match_masks(const at::Tensor& masks, const at::Tensor& pair_masks);

/// Cross-image mask consistency. masks [B, K, H, W] logits, pair_masks the same of the momentum
/// encoder, matched as `match` says: dice loss of each mask, brought to 0 … 1, against σ(pair) at
/// least `share` of its maximum; all masks of an image jointly, the sum over B divided by K → [].
at::Tensor mask_consistency_loss(const at::Tensor& masks, const at::Tensor& pair_masks,
                                 const MaskMatch& match, double share);

}  // namespace tagalign::model
