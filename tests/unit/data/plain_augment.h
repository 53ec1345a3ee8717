/// The augmentation said as plainly as possible: one step after the other, every pixel by itself.
/// What the product gives must equal it to the last bit.
#pragma once

#include <vector>

#include "data/image/pillow.h"
#include "data/training/augment.h"
#include "data/training/rand_augment.h"

namespace tagalign::data::plain {

Image crop(const Image& image, const CropBox& box);
Image flip_horizontal(const Image& image);
enum class Filter { kBilinear, kBicubic };
Image resize(const Image& image, Size size, Filter filter);

/// Image.blend in float32.
Image blend(const Image& degenerate, const Image& image, double factor);
Image grey(const Image& image);    ///< of enhance_color()
Image flat(const Image& image);    ///< of enhance_contrast()
Image black(const Image& image);   ///< of enhance_brightness()
Image smooth(const Image& image);  ///< of enhance_sharpness()
Image transform_affine(const Image& image, const AffineMatrix& matrix, const FillColor& fill);

/// [3, height, width].
std::vector<float> normalize(const Image& image);
/// draw_crop() and augment_box() on the whole image.
std::vector<float> augment(const Image& image, int size, const AugmentOptions& options,
                           RandomStream& stream);

}  // namespace tagalign::data::plain
