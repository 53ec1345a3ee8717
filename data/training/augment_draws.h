/// Steps of the augmentation, apart from each other, so that they can be tested.
#pragma once

#include <optional>

#include "base/random.h"
#include "base/status.h"
#include "data/image/pillow.h"
#include "data/training/augment.h"

namespace tagalign::data {

/// timm's RandomErasing, count 1: with probability `probability` a box of 2 … 33 % of the area,
/// aspect 0.3 … 1/0.3 (log-uniform).
std::optional<CropBox> draw_erasing(Size image, double probability, RandomStream& stream);

/// torchvision's ToTensor and Normalize in float32: [3, height, width]. normalize_planar() is
/// mmcv's form of the same.
void normalize_into(const Image& image, float* planes);

}  // namespace tagalign::data
