/// CLIP Surgery as a method: a frozen CLIP along the dual path, whose patches are compared with the
/// names of the classes, once for the whole image squashed to a square.
///
/// Source: the authors' code; configs/schema/methods/clip_surgery.h has the protocol.
#pragma once

#include "model/methods/method.h"

namespace tagalign::model {

/// The registry's row. Never fails; nothing is trained.
Result<std::unique_ptr<DenseModel>> clip_surgery_model(const Materials& materials,
                                                       const StateDict& trained,
                                                       const config::EvaluationMethod& config);

}  // namespace tagalign::model
