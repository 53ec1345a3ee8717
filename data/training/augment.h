/// Training-time augmentation as timm's create_transform builds it (TERMS.md, reference §3).
///
/// Every draw comes from the RandomStream that is handed in, in a fixed order, so a sample's
/// augmentation is a function of its key.
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "base/status.h"
#include "data/image/image.h"

namespace tagalign::data {

struct AugmentOptions {
  double scale_min = 0.08;
  double scale_max = 1.0;
  double ratio_min = 0.75;
  double ratio_max = 4.0 / 3.0;
  double flip = 0.5;
  std::string rand_augment;  ///< timm's notation, "rand-m9-mstd0.5-inc1"; empty: off
  double erase = 0.0;        ///< probability
};

/// kInvalidArgument for ranges or a RandAugment text that are not understood.
Status validate(const AugmentOptions& options);

/// What comes first of a sample's draws: timm's RandomResizedCropAndInterpolation.get_params, ten
/// attempts, then the centre crop of the nearest allowed ratio.
CropBox draw_crop(Size image, const AugmentOptions& options, RandomStream& stream);

/// All that follows: `planes` becomes the box of an RGB image, resized, perhaps flipped, changed,
/// normalised and partly erased: [3, size, size]. The options are valid.
void augment_box(const BoxView& view, int size, const AugmentOptions& options, RandomStream& stream,
                 float* planes);

}  // namespace tagalign::data
