/// The parts of the image readers, one a file format. For data/ only; others use data/image/image.h.
#pragma once

#include <string>
#include <string_view>

#include "data/image/image.h"

namespace tagalign::data {

bool is_png(std::string_view bytes);
bool is_jpeg(std::string_view bytes);
/// kDataLoss: the file is empty, or its first bytes are of no known format.
Status not_an_image(std::string_view bytes, std::string_view expected, const std::string& name);

Result<Image> decode_png(std::string_view bytes, const std::string& name);
Result<Image> decode_jpeg(std::string_view bytes, ReadAs mode, const std::string& name);

/// What the markers before the first scan say.
struct JpegMarkers {
  int orientation = 1;  ///< EXIF tag 0x0112, 1 … 8
  bool adobe = false;   ///< an APP14 "Adobe" marker: CMYK is stored inverted
};
JpegMarkers scan_jpeg_markers(std::string_view bytes);

/// Turns an image as EXIF orientation 1 … 8 asks for.
Image apply_orientation(Image image, int orientation);

}  // namespace tagalign::data
