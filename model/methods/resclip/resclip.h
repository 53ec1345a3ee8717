/// ResCLIP (Yang et al., CVPR 2025): the heads' protocol over a CLIP whose last block also attends
/// as earlier blocks do, and to the patches that its own first answer puts together.
///
/// Source: configs/schema/methods/resclip.h. Threads: as method.h says.
#pragma once

#include <memory>

#include "configs/schema/methods/resclip.h"
#include "model/methods/method.h"

namespace tagalign::model {

/// The registry's row. Nothing is trained. kInvalidArgument for a CLIP whose image encoder has not
/// all the blocks of the section before its last one; it names both and the keys to change.
Result<std::unique_ptr<DenseModel>> resclip_model(const Materials& materials,
                                                  const StateDict& trained,
                                                  const config::EvaluationMethod& config);

}  // namespace tagalign::model
