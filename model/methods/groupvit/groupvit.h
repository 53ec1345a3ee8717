/// GroupViT (Xu et al., CVPR 2022): a vision transformer that groups its patches, and a text tower
/// of CLIP's architecture, both trained from scratch.
///
/// Axes: P prompts, T context, W text width, E joint embedding.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "configs/schema/methods/groupvit.h"
#include "model/clip/towers.h"
#include "model/methods/grouping/group_model.h"
#include "model/methods/method.h"

namespace tagalign::model {

/// The text tower with its projector. Immutable, safe from several threads.
struct GroupVitText {
  TextTower tower;  ///< read out at the end of text, without a projection: [P, W]
  GroupProjection projection;

  /// [P, T] int64, zero padded → [P, E], not normalised.
  at::Tensor encode(const at::Tensor& token_ids) const;
};

struct GroupVitTowers {
  GroupTower image;
  GroupVitText text;
};
/// Of tensors under the reference's names, on `device`. kInvalidArgument names what is missing, of
/// another shape, or unknown.
/// With `trained` the tensors ask for gradients and are put there, under their names.
Result<GroupVitTowers> groupvit_towers(const StateDict& tensors,
                                       const config::GroupVitEvaluation& config, at::Device device,
                                       StateDict* trained = nullptr);

/// Of all tensors that a GroupViT like `own` has, but the scale of the noun prompts.
TensorShapes groupvit_shapes(const StateDict& own);

/// The registry's row, which needs the tokenizer of the materials and no CLIP. Training is from
/// scratch; kInvalidArgument for an image size that is no multiple of a patch, or a batch of one.
Result<std::unique_ptr<TrainingObjective>> groupvit_objective(const config::TrainConfig& config,
                                                              const Materials& materials,
                                                              const TagNames& tags);
Result<std::unique_ptr<DenseModel>> groupvit_model(const Materials& materials,
                                                   const StateDict& trained,
                                                   const config::EvaluationMethod& config);

/// Its tensors as the official code saves them.
extern const WeightNames kGroupVitWeights;

}  // namespace tagalign::model
