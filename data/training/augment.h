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

/// image (RGB, any size) → [3, size, size], normalised. The options are valid.
std::vector<float> augment_image(const Image& image, int size, const AugmentOptions& options,
                                 RandomStream& stream);

}  // namespace tagalign::data
