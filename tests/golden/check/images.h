/// Images of the folder, and lines that compare them byte by byte. What is not of the expected form
/// throws std::invalid_argument, which ends the group with a line.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "data/image/image.h"
#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden {

/// Decoded by the product's reader; nullopt after a line.
std::optional<data::Image> load_image(Folder& folder, const std::string& relative,
                                      data::ReadAs mode, Report& report);
std::optional<data::LabelMap> load_label(Folder& folder, const std::string& relative,
                                         Report& report);

/// Rows top … bottom-1.
data::Image rows_of(const data::Image& image, int top, int bottom);

/// The box's pixels; the box lies within the image.
data::Image part_of(const data::Image& image, const data::CropBox& box);

/// [H, W, 3] uint8 → RGB.
data::Image image_of(const at::Tensor& tensor);
/// Planar values [C, height, width], copied.
at::Tensor planes_tensor(const std::vector<float>& planes, std::int64_t height, std::int64_t width);

/// One line: all bytes; another size is out.
void compare_images(const std::string& quantity, const data::Image& actual,
                    const data::Image& expected, const CountTolerance& tolerance, Report& report);

/// Hex SHA-256 of the pixels.
std::string sha256_of(const data::Image& image);

}  // namespace tagalign::golden
