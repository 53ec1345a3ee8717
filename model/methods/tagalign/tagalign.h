/// TagAlign: frozen CLIP patches → projector, trained with InfoNCE and a multi-tag loss, scored as a
/// mix with the frozen map (TERMS.md, reference §2, §3, §4).
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/methods/method.h"
#include "model/methods/tagalign/projector.h"

namespace tagalign::model {

/// A second list of tags, learned as the first one is, beside it.
struct TagAlignAttributes {
  at::Tensor label_embedding;  ///< [A, E]
  double weight = 1.0;
};

/// What the objective is made of, apart from the frozen CLIP.
struct TagAlignParts {
  std::unique_ptr<Projector> projector;
  at::Tensor label_embedding;  ///< [T, E]
  double infonce_weight = 1.0;
  double multitag_weight = 1.0;
  std::optional<TagAlignAttributes> attributes = std::nullopt;  ///< the published code has none
};

/// Trains the projector and logit scales that start at ln(1/0.07): "cl_loss.logit_scale",
/// "ce_loss.logit_scale", and with attributes "attribute_loss.logit_scale". A batch then has theirs.
std::unique_ptr<TrainingObjective> make_tagalign_objective(const Materials& materials,
                                                           TagAlignParts parts);

/// Predicts with `projector`.
std::unique_ptr<DenseModel> make_tagalign_model(const Materials& materials,
                                                std::shared_ptr<const Projector> projector,
                                                const config::TagAlignEvaluation& config);

/// kInvalidArgument for a projector that is not known.
ProjectorShape tagalign_projector_shape(const config::ProjectorConfig& config, std::int64_t width);

extern const WeightNames kTagAlignWeights;

/// The registry's row.
Result<std::unique_ptr<TrainingObjective>> tagalign_objective(const config::TrainConfig& config,
                                                              const Materials& materials,
                                                              const TagNames& tags);
Result<std::unique_ptr<DenseModel>> tagalign_model(const Materials& materials,
                                                   const StateDict& trained,
                                                   const config::EvaluationMethod& config);

}  // namespace tagalign::model
