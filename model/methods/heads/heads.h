/// The training-free heads: a frozen CLIP whose last block attends otherwise, scored by cosines with
/// the names of the classes, under the protocol that their authors share.
///
/// Every name of a class is a query. Windows give cosines, which the sliding window averages; at the
/// image's own size these are sharpened (where a refinement is chosen), scaled and softened over the
/// queries; a class has its best query's value. Small classes and unsure pixels go last.
///
/// Source: configs/schema/methods/heads.h.
#pragma once

#include "model/methods/method.h"

namespace tagalign::model {

/// The registry's row of each of them: which head is in `config`. Never fails; nothing is trained.
Result<std::unique_ptr<DenseModel>> head_model(const Materials& materials, const StateDict& trained,
                                               const config::EvaluationMethod& config);

}  // namespace tagalign::model
