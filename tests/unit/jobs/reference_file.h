/// A training checkpoint as the reference writes it, made from one of ours.
#pragma once

#include <string>

#include "worker/weights/trained_weights.h"

namespace tagalign::jobs {

/// Bytes of a .pth with model, optimizer (indices as in the reference: frozen parameters first in
/// each group, those with weight decay before the others), lr_scheduler, step and a foreign config.
/// Parameters in `late` have a state once their first step has come.
std::string reference_file(const TrainedWeights& trained, double next_lr,
                           const model::LateParameters& late = {});

}  // namespace tagalign::jobs
