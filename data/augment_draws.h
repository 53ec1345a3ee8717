/// The random decisions of the augmentation, apart from the pixels, so that their distributions can
/// be tested.
#pragma once

#include <optional>

#include "base/random.h"
#include "base/status.h"
#include "data/augment.h"
#include "data/pillow.h"

namespace tagalign::data {

/// timm's RandomResizedCropAndInterpolation.get_params: ten attempts, then the centre crop of the
/// nearest allowed ratio.
CropBox draw_crop(Size image, const AugmentOptions& options, RandomStream& stream);

}  // namespace tagalign::data
