/// A training checkpoint as the reference writes it, made from one of ours.
#pragma once

#include <string>

#include "worker/weights/trained_weights.h"

namespace tagalign::jobs {

/// Bytes of a .pth with model, optimizer (indices as in the reference: frozen parameters first in
/// each group, those with weight decay before the others), lr_scheduler, step and a foreign config.
/// Parameters in `late` have a state once their first step has come. `prefix` stands before each
/// name, as DataParallel's "module." does.
std::string reference_file(const TrainedWeights& trained, double next_lr,
                           const model::LateParameters& late = {}, const std::string& prefix = "");

/// A state dict of `tensors`, with `prefix` before each name and below the key `wrapper` unless that
/// is empty: as torch.save writes it today, or before 1.6.
enum class Container { kZip, kStream };
std::string state_dict_file(const model::StateDict& tensors, Container container,
                            const std::string& prefix = "", const std::string& wrapper = "");

}  // namespace tagalign::jobs
