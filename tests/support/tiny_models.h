/// Weights of models that methods bring beside CLIP, at the smallest sizes that have every part.
/// Drawn, the same at every call.
#pragma once

#include <cstdint>
#include <string>

#include "model/clip/towers.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

/// `layers` vision blocks of width 64 and one head, patches of 8 pixels on a native grid of 3×3; a
/// text tower of one block for 16 pieces and 8 tokens; 16 joint dimensions.
ClipShape tiny_clip(std::int64_t layers);

/// One block of width 8 and 2 heads, `patch` pixels a patch, a native grid of 2×2.
StateDict tiny_dino(std::int64_t patch = 8);

/// Width 32 and 2 heads, patches of 8 pixels on a native grid of 4×4, one grouping into 3 groups; a
/// BERT of width 16 and 2 heads, whose pieces are those of tiny_vocabulary(); 16 joint dimensions.
StateDict tiny_ovsegmentor();

/// vocab.txt in BERT's layout: the specials, then letters, alone and within a word.
std::string tiny_vocabulary();

}  // namespace tagalign::model
