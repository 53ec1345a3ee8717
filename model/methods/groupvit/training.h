/// One training step of GroupViT (Xu et al., CVPR 2022) up to its gradients: both towers from
/// scratch, batch statistics in the projectors, contrast of captions and of noun prompts.
///
/// Axes: B images, K noun prompts an image, T context, E joint embedding, G groups, L tokens. One
/// thread works on a trainer.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/methods/groupvit/groupvit.h"
#include "model/training/losses.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

/// Contrast of each image with its own K prompts, which share the target, and of each prompt with
/// its image; half each. image [B, E], prompts [B, K, E], log_scale [] → []. The other side comes
/// from all ranks, with its gradient.
at::Tensor noun_prompt_loss(const at::Tensor& image, const at::Tensor& prompts,
                            const at::Tensor& log_scale, const LossRanks& ranks);

/// Scales of the residual branches of each block: `uniform` [2·(blocks − 1), B] in 0 … 1, attention
/// then MLP of every block but the first. The share that is dropped grows linearly to `rate` at the
/// last block; what stays is divided by its share.
std::vector<DropPath> drop_paths(const at::Tensor& uniform, double rate);

/// A batch of one rank.
struct GroupVitBatch {
  at::Tensor images;  ///< [B, 3, H, W] normalised
  at::Tensor tokens;  ///< [B, 1 + K, T] int64: the caption, then its noun prompts
  EncoderDraws draws;
};

/// The trained tensors and the forward pass of one rank.
class GroupVitTrainer {
 public:
  /// kInvalidArgument as groupvit_towers().
  static Result<GroupVitTrainer> create(const StateDict& tensors, std::int64_t heads,
                                        at::Device device);

  struct Loss {
    at::Tensor total, caption, prompts;  // []; prompts undefined without noun prompts
    at::Tensor image_pooled, image_x;    // [B, D], [B, E]
    at::Tensor text_pooled, text_x;      // [B·(1 + K), W], [B·(1 + K), E]
  };
  /// Updates the running statistics; those of the projectors are over all ranks, which the losses
  /// see too. Both are fp32 under autocast. `seen` as the encoder's.
  Loss loss(const GroupVitBatch& batch, const LossRanks& ranks, const StageObserver& seen = {});

  /// Leaves under the reference's names.
  const Parameters& parameters() const { return parameters_; }
  /// Running statistics, and int64 counts of their batches, under the reference's names.
  const StateDict& statistics() const { return statistics_; }

 private:
  GroupVitTrainer(GroupVitTowers towers) : towers_(std::move(towers)) {}

  GroupVitTowers towers_;
  at::Tensor log_scale_, prompt_log_scale_;
  Parameters parameters_;
  StateDict statistics_;
};

}  // namespace tagalign::model
