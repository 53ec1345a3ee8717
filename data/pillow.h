/// Image arithmetic as Pillow 9.5 does it, byte for byte: what timm's augmentation is made of. RGB
/// images throughout.
///
/// Facts: Pillow's Resample.c, Geometry.c, ImageOps, ImageEnhance. Pure functions.
#pragma once

#include <array>
#include <cstdint>

#include "data/image.h"

namespace tagalign::data {

struct CropBox {
  int top = 0;
  int left = 0;
  int height = 0;
  int width = 0;
};

/// The box's pixels; the box lies within the image.
Image crop(const Image& image, const CropBox& box);
Image flip_horizontal(const Image& image);
/// Image.resize with BILINEAR: triangle filter, widened when shrinking; two passes of fixed-point
/// arithmetic.
Image resize_bilinear_pillow(const Image& image, int width, int height);

}  // namespace tagalign::data
