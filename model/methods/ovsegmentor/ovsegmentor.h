/// OVSegmentor (Xu et al., CVPR 2023): GroupViT's encoder with one grouping block, started from
/// DINO, and BERT as its text tower.
///
/// Axes: P prompts, L tokens, W text width, E joint embedding.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "configs/schema/methods/ovsegmentor.h"
#include "model/bert/wordpiece.h"
#include "model/methods/grouping/group_model.h"
#include "model/methods/method.h"
#include "model/methods/ovsegmentor/bert_tower.h"

namespace tagalign::model {

/// Padded to the longest.
struct TokenBatch {
  at::Tensor ids;   // [P, L] int64
  at::Tensor mask;  // [P, L] bool
};
TokenBatch token_batch(const WordPieceTokenizer& tokenizer, const std::vector<std::string>& texts,
                       std::size_t length_max);

/// The text tower with its projector. Immutable, safe from several threads.
struct OvSegmentorText {
  BertTower tower;
  GroupProjection projection;

  /// The projected hidden state of [CLS]: [P, E], not normalised.
  at::Tensor encode(const TokenBatch& tokens) const;
};

struct OvSegmentorTowers {
  GroupTower image;
  OvSegmentorText text;
};
/// Of tensors under the reference's names, on `device`. kInvalidArgument names what is missing, of
/// another shape, or unknown.
Result<OvSegmentorTowers> ovsegmentor_towers(const StateDict& tensors,
                                             const config::OvSegmentorEvaluation& config,
                                             at::Device device);

/// Of all tensors that an OVSegmentor like `own` has.
TensorShapes ovsegmentor_shapes(const StateDict& own);

/// Reads the vocabulary that the section names; needs no CLIP.
Result<std::unique_ptr<DenseModel>> ovsegmentor_model(const Materials& materials,
                                                      const StateDict& trained,
                                                      const config::EvaluationMethod& config);

/// Its tensors as the official code saves them, without those that only training uses.
extern const WeightNames kOvSegmentorWeights;

}  // namespace tagalign::model
