/// The random decisions of the augmentation, apart from the pixels, so that their
/// distributions can be tested.
#pragma once

#include <optional>
#include <vector>

#include "base/random.h"
#include "base/status.h"
#include "data/image/pillow.h"
#include "data/training/augment.h"

namespace tagalign::data {

/// timm's RandomResizedCropAndInterpolation.get_params: ten attempts, then the centre crop of
/// the nearest allowed ratio.
CropBox draw_crop(Size image, const AugmentOptions& options, RandomStream& stream);

/// timm's RandomErasing, count 1: with probability `probability` a box of 2 … 33 % of the area,
/// aspect 0.3 … 1/0.3 (log-uniform).
std::optional<CropBox> draw_erasing(Size image, double probability, RandomStream& stream);

/// torchvision's ToTensor and Normalize in float32: [3, height, width]. normalize_planar() is
/// mmcv's form of the same.
std::vector<float> to_normalized(const Image& image);

}  // namespace tagalign::data
