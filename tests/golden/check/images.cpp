#include "tests/golden/check/images.h"

#include <ATen/ops/from_blob.h>

#include <stdexcept>

#include "base/format.h"

namespace tagalign::golden {

std::optional<data::Image> load_image(Folder& folder, const std::string& relative,
                                      data::ReadAs mode, Report& report) {
  const auto bytes = folder.bytes(relative);
  if (!bytes) return std::nullopt;
  auto image = data::decode_image(*bytes, mode, relative);
  if (image.ok()) return std::move(image).value();
  report.failed(relative, image.status().message());
  return std::nullopt;
}

std::optional<data::LabelMap> load_label(Folder& folder, const std::string& relative,
                                         Report& report) {
  const auto bytes = folder.bytes(relative);
  if (!bytes) return std::nullopt;
  auto label = data::decode_label_png(*bytes, relative);
  if (label.ok()) return std::move(label).value();
  report.failed(relative, label.status().message());
  return std::nullopt;
}

data::Image rows_of(const data::Image& image, int top, int bottom) {
  if (top < 0 || top > bottom || bottom > image.height) {
    throw std::invalid_argument(
        format("rows {} to {} of an image of {} rows", top, bottom, image.height));
  }
  const auto row = static_cast<std::ptrdiff_t>(image.width) * image.channels;
  const auto begin = image.pixels.begin();
  return {image.width, bottom - top, image.channels, {begin + top * row, begin + bottom * row}};
}

data::Image part_of(const data::Image& image, const data::CropBox& box) {
  const data::Image rows = rows_of(image, box.top, box.top + box.height);
  data::Image out{box.width, box.height, image.channels, {}};
  for (int y = 0; y < box.height; ++y) {
    const auto begin =
        rows.pixels.begin() + (std::ptrdiff_t{y} * image.width + box.left) * image.channels;
    out.pixels.insert(out.pixels.end(), begin, begin + std::ptrdiff_t{box.width} * image.channels);
  }
  return out;
}

data::Image image_of(const at::Tensor& tensor) {
  if (tensor.dim() != 3 || tensor.size(2) != 3 || tensor.scalar_type() != at::kByte)
    throw std::invalid_argument("expected an image, [H, W, 3] uint8");
  const at::Tensor packed = tensor.contiguous();
  const auto* values = packed.const_data_ptr<std::uint8_t>();
  return {static_cast<int>(packed.size(1)),
          static_cast<int>(packed.size(0)),
          3,
          {values, values + packed.numel()}};
}

at::Tensor planes_tensor(const std::vector<float>& planes, std::int64_t height,
                         std::int64_t width) {
  const auto channels = static_cast<std::int64_t>(planes.size()) / (height * width);
  return at::from_blob(const_cast<float*>(planes.data()), {channels, height, width}, at::kFloat)
      .clone();
}

void compare_images(const std::string& quantity, const data::Image& actual,
                    const data::Image& expected, const CountTolerance& tolerance, Report& report) {
  if (actual.width != expected.width || actual.height != expected.height) {
    return report.failed(quantity, format("{} x {} pixels, expected {} x {}", actual.width,
                                          actual.height, expected.width, expected.height));
  }
  report.bytes(quantity, actual.pixels, expected.pixels, tolerance);
}

std::string sha256_of(const data::Image& image) {
  return sha256({reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size()});
}

}  // namespace tagalign::golden
