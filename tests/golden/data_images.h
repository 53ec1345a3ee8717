/// Images among the reference fixtures, and how far a result lies from them.
#pragma once

#include <cstdlib>
#include <string>

#include "data/image.h"
#include "tests/support/golden_files.h"

namespace tagalign::data {

inline Image golden_image(const std::string& relative, ReadAs mode = ReadAs::kTraining) {
  return decode_image(testing::read_golden_bytes(relative), mode, relative).value();
}

/// Rows top … bottom-1 of an image.
inline Image image_rows(const Image& image, int top, int bottom) {
  const auto row = static_cast<std::ptrdiff_t>(image.width) * 3;
  const auto begin = image.pixels.begin();
  return {image.width, bottom - top, 3, {begin + top * row, begin + bottom * row}};
}

/// Largest difference of two bytes; 256 when the sizes differ.
inline int largest_difference(const Image& actual, const Image& expected) {
  if (actual.width != expected.width || actual.height != expected.height ||
      actual.pixels.size() != expected.pixels.size()) {
    return 256;
  }
  int largest = 0;
  for (std::size_t i = 0; i < actual.pixels.size(); ++i) {
    largest = std::max(largest, std::abs(actual.pixels[i] - expected.pixels[i]));
  }
  return largest;
}

}  // namespace tagalign::data
