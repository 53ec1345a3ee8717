/// JPEGs of every kind that cameras and tools write, made by libjpeg.
#pragma once

#include <string>

#include "data/image/image.h"

namespace tagalign::data {

struct JpegForm {
  int components = 3;  ///< 1 grey, 3 colours, 4 CMYK
  int across = 2;      ///< luma samples for one of colour, along x
  int down = 2;
  int quality = 90;
  int restart_blocks = 0;  ///< blocks between two restart markers; 0: none
  bool progressive = false;
  bool arithmetic = false;
};

std::string jpeg_of(const Image& image, const JpegForm& form);

}  // namespace tagalign::data
