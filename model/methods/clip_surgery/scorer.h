/// Cosines of a square image's patches with texts, and what feature surgery makes of them.
///
/// Axes: Q texts, N classes, E joint embedding.
#pragma once

#include <memory>

#include "configs/schema/methods/clip_surgery.h"
#include "model/inference/dense_scorer.h"
#include "model/methods/method.h"

namespace tagalign::model {

/// `text` has Q rows of texts, whose classes `class_of` [Q] gives in order, and behind them that of
/// the empty text: [Q + 1, E], normalised. A data set of one class has no other to compare with, and
/// loses in feature surgery what it shares with the empty text. Borrows the tower and the
/// refinement, which may be missing.
std::unique_ptr<DenseScorer> clip_surgery_scorer(const VisionTower& vision, ClassText text,
                                                 const config::ClipSurgeryEvaluation& config,
                                                 const Refinement* refinement);

}  // namespace tagalign::model
