/// Which tensors a GroupViT of a configuration consists of, and how they begin.
#pragma once

#include <cstdint>

#include "configs/schema/methods/groupvit.h"
#include "model/methods/method.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

/// Sizes that the section of a training leaves to its data.
struct GroupVitShape {
  config::GroupVitTraining config;
  std::int64_t image_size = 224;  ///< of the training, to which the position table belongs
};

/// Of all tensors under the reference's names, but the scale of the noun prompts.
TensorShapes groupvit_shapes(const GroupVitShape& shape);

/// Weights before the first step, drawn as the reference does (normal with deviation 0.02 in the
/// image encoder, CLIP's initialiser in the text tower, uniform by fan-in in convolutions, group
/// tokens of later stages zero) from seed and name through base/random.h: the same on every rank
/// and machine. The scale of the noun prompts is there where the configuration has prompts.
StateDict initial_groupvit_weights(const GroupVitShape& shape, std::uint64_t seed);

}  // namespace tagalign::model
