/// TCL: a masker on frozen CLIP features, trained with text-grounded masks against captions alone,
/// scored as a mix of its masks with MaskCLIP's map.
///
/// Source: TCL (Cha et al., CVPR 2023) and its official code.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "configs/schema/methods/tcl.h"
#include "model/methods/method.h"
#include "model/methods/tcl/masker.h"
#include "model/methods/tcl/noise.h"

namespace tagalign::model {

/// What the objective is made of, apart from the frozen CLIP.
struct TclParts {
  std::unique_ptr<Masker> masker;
  config::TclTraining config;
  NoiseSource noise;
};

/// Trains the masker and two logit scales ("tcli_loss.logit_scale", "tclf_loss.logit_scale") that
/// start at ln(1/0.07); the copied blocks wait for their step.
std::unique_ptr<TrainingObjective> make_tcl_objective(const Materials& materials, TclParts parts);

/// Predicts with `masker`.
std::unique_ptr<DenseModel> make_tcl_model(const Materials& materials,
                                           std::shared_ptr<const Masker> masker,
                                           const config::TclEvaluation& config);

extern const WeightNames kTclWeights;

/// The registry's row. kInvalidArgument where the masker copies more blocks than the CLIP has, or
/// the tensors are of a CLIP of another depth or width.
Result<std::unique_ptr<TrainingObjective>> tcl_objective(const config::TrainConfig& config,
                                                         const Materials& materials,
                                                         const TagNames& tags);
Result<std::unique_ptr<DenseModel>> tcl_model(const Materials& materials, const StateDict& trained,
                                              const config::EvaluationMethod& config);

}  // namespace tagalign::model
