/// The baselines: CLIP as it is, with its own last attention or with that of CLIP Surgery.
#pragma once

#include "model/methods/method.h"

namespace tagalign::model {

/// Never fails; nothing is trained.
Result<std::unique_ptr<DenseModel>> frozen_model(const Materials& materials,
                                                 const StateDict& trained,
                                                 const config::EvaluationMethod& config);

}  // namespace tagalign::model
