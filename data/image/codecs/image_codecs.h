/// The readers behind data/image/image.h, one a file format. For data/ only.
///
/// Each tells a format by the first bytes, decodes to 8-bit RGB, and names the file in its errors:
/// kDataLoss for what is broken, kInvalidArgument above limits::kImagePixelsMax, which is looked at
/// before memory is taken. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "data/image/image.h"

namespace tagalign::data {

bool is_png(std::string_view bytes);
bool is_jpeg(std::string_view bytes);
bool is_webp(std::string_view bytes);
bool is_gif(std::string_view bytes);
/// kDataLoss: the file is empty, or of a format that is not read; names that format where its first
/// bytes are known, and shows them otherwise.
Status not_an_image(std::string_view bytes, std::string_view expected, const std::string& name);

/// Training: whole when every pixel is there, whatever follows it or its checksum says (Pillow).
/// Evaluation: whole to the end, turned as its eXIf chunk says (OpenCV).
Result<Image> decode_png(std::string_view bytes, ReadAs mode, const std::string& name);
/// Whole when the last row can be decoded without a byte that is not there (both references).
/// CMYK counts as stored inverted, with an Adobe segment or without (both references).
Result<Image> decode_jpeg(std::string_view bytes, ReadAs mode, const std::string& name);
/// decode_region() of a JPEG.
Result<ImageRegion> decode_jpeg_region(std::string_view bytes, const std::string& name,
                                       const ChooseBox& choose, Size at_least);
/// The first frame on a canvas that is black where it does not reach; transparency is dropped.
Result<Image> decode_webp(std::string_view bytes, ReadAs mode, const std::string& name);
/// The first frame. Training: what it leaves free of the canvas has its transparent colour, or the
/// first one (Pillow). Evaluation: the canvas has the background's colour and shows through
/// transparent pixels (OpenCV 5).
Result<Image> decode_gif(std::string_view bytes, ReadAs mode, const std::string& name);

/// kInvalidArgument when an image of this size is above the limit.
Status check_pixels(std::uint64_t width, std::uint64_t height, const std::string& name);

}  // namespace tagalign::data
