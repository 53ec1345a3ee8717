/// ResCLIP's patches of a window, in two passes through CLIP's last block: the first one's answer
/// for the queries at hand, sharpened by the window's pixels, says which patches the second joins.
///
/// Axes: B windows, Q queries, h×w patch grid, L = 1 + h·w tokens, H heads, E joint embedding.
/// Threads: immutable, safe from several.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "configs/schema/methods/resclip.h"
#include "model/clip/towers.h"
#include "model/methods/heads/patch_encoder.h"
#include "model/methods/resclip/attention.h"
#include "model/methods/resclip/feedback.h"

namespace tagalign::model {

class ResClipEncoder final : public PatchEncoder {
 public:
  /// `config` is that of one data set (ResClipEvaluation::on); `queries` [Q, E] are normalised, on
  /// the tower's device. Borrows the tower, which has a block more than `config` averages.
  ResClipEncoder(const VisionTower& vision, const config::ResClipEvaluation& config,
                 at::Tensor queries);

  /// One window after the other: none depends on the batch that it comes in, and memory beside the
  /// features is that of one.
  PatchFeatures encode(const at::Tensor& windows) const override;

  /// What the second pass weighs the last block's values with, of one window [1, 3, S, S']:
  /// [1, H, L, L].
  at::Tensor attention(const at::Tensor& window) const;

 private:
  at::Tensor second_weights(const at::Tensor& window, const EarlierBlocks& earlier) const;
  at::Tensor rows(const EarlierBlocks& earlier, const at::Tensor& weights) const;
  at::Tensor feedback(const at::Tensor& window, const at::Tensor& rows) const;

  const VisionTower& vision_;
  PositionRule positions_;
  std::vector<int> blocks_;
  ResidualAttention how_;
  FeedbackRule rule_;
  double scale_, threshold_;
  at::Tensor queries_;  // [Q, E]
};

}  // namespace tagalign::model
