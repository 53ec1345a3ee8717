/// From an image to the maps of its windows: what scores and labels of a sweep begin with. Nobody
/// outside of model/inference needs it.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "model/inference/dense_scorer.h"
#include "model/inference/segmentation.h"

namespace tagalign::model {

/// What the scorer is asked for, and who shares it: variants that differ in a threshold which is
/// applied later share a map.
struct MappedVariants {
  std::vector<ScoreVariant> maps;
  std::size_t sharing = 1;  ///< variants of one map, one behind the other
};
MappedVariants mapped_variants(const DenseScorer& scorer, const SegmentationSweep& sweep);

/// [window][variant].
std::vector<std::vector<ScoreMap>> maps_of_windows(const DenseScorer& scorer,
                                                   const at::Tensor& image,
                                                   std::span<const Window> windows,
                                                   std::span<const ScoreVariant> variants,
                                                   int windows_per_pass);

/// A window's part of planes [C, H, W].
at::Tensor cut(const at::Tensor& planes, const Window& window);

}  // namespace tagalign::model
