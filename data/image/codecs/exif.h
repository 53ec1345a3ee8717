/// EXIF orientation, as OpenCV reads it from any file format.
#pragma once

#include <optional>
#include <string_view>

#include "data/image/image.h"

namespace tagalign::data {

/// The orientation entry in the first directory of a TIFF block ("II*\0…" or "MM\0*…"): 1 … 8, or
/// whatever else is written there; nothing when there is none. An entry before it whose data lie
/// outside the block ends the search, as in OpenCV 4.8 and 5.0.
std::optional<int> exif_orientation(std::string_view tiff);

/// Turns an image as EXIF orientation 1 … 8 asks for; other values leave it as it is.
Image apply_orientation(Image image, int orientation);

}  // namespace tagalign::data
