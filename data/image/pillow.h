/// Image arithmetic as Pillow 9.5 does it, byte for byte: what timm's augmentation is made
/// of. RGB images throughout.
///
/// Facts: Pillow's Resample.c, Geometry.c, ImageOps, ImageEnhance. Pure functions.
#pragma once

#include <array>
#include <cstdint>

#include "data/image/image.h"

namespace tagalign::data {

/// Image.resize with BILINEAR: triangle filter, widened when shrinking; two
/// passes of fixed-point arithmetic.
Image resize_bilinear_pillow(const Image& image, int width, int height);
/// Image.crop, then resize with BILINEAR, and where `mirrored` a flip from left to right: the same
/// bytes in one pass. The box lies within the image; nothing outside of it counts. In a reduced
/// image it may begin and end inside of pixels, as that of Image.resize(box=…).
Image resize_box_pillow(const BoxView& view, Size size, bool mirrored);
/// Image.resize with BICUBIC: Keys's kernel, a = −0.5, widened when shrinking.
Image resize_bicubic_pillow(const Image& image, int width, int height);

// ImageOps, one table a channel. Constant channels stay as they are.
Image auto_contrast(const Image& image);
Image equalize(const Image& image);
Image invert(const Image& image);
Image posterize(const Image& image, int bits);      ///< keeps the upper `bits`, 0 … 8
Image solarize(const Image& image, int threshold);  ///< inverts values from `threshold` on
/// timm's solarize_add: adds to values below 128, up to 255.
Image solarize_add(const Image& image, int amount);

// ImageEnhance: blends with a degenerate image; factor 1 changes nothing, above 1
// moves away from it.
Image enhance_color(const Image& image, double factor);
Image enhance_contrast(const Image& image, double factor);
Image enhance_brightness(const Image& image, double factor);
Image enhance_sharpness(const Image& image, double factor);

/// Image.transform with AFFINE, BILINEAR and a fill colour: the output at (x, y) is the input at
/// (a·x + b·y + c, d·x + e·y + f), in coordinates whose pixel centres lie at halves.
struct AffineMatrix {
  double a = 1, b = 0, c = 0;
  double d = 0, e = 1, f = 0;
};
using FillColor = std::array<std::uint8_t, 3>;
Image transform_affine(const Image& image, const AffineMatrix& matrix, const FillColor& fill);
/// Image.rotate about the centre, counter-clockwise, size kept.
Image rotate(const Image& image, double degrees, const FillColor& fill);

}  // namespace tagalign::data
