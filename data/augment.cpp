#include "data/augment.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/format.h"
#include "data/augment_draws.h"
#include "data/pillow.h"

namespace tagalign::data {
namespace {

constexpr int kCropAttempts = 10;
constexpr std::array<float, 3> kMean{0.485F, 0.456F, 0.406F};
constexpr std::array<float, 3> kDeviation{0.229F, 0.224F, 0.225F};

/// Python's round(): to the nearest integer, halves to even.
int round_half_even(double value) {
  return static_cast<int>(std::nearbyint(value));
}

CropBox center_crop(Size image, const AugmentOptions& options) {
  const double ratio = static_cast<double>(image.width) / image.height;
  int width = image.width;
  int height = image.height;
  if (ratio < options.ratio_min)
    height = round_half_even(width / options.ratio_min);
  else if (ratio > options.ratio_max)
    width = round_half_even(height * options.ratio_max);
  width = std::clamp(width, 1, image.width);
  height = std::clamp(height, 1, image.height);
  return {(image.height - height) / 2, (image.width - width) / 2, height, width};
}

/// torchvision's ToTensor and Normalize in float32.
std::vector<float> to_normalized(const Image& image) {
  const std::size_t plane =
      static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  std::vector<float> out(plane * 3);
  for (std::size_t c = 0; c < 3; ++c) {
    std::array<float, 256> table;
    for (std::size_t value = 0; value < 256; ++value) {
      table[value] = (static_cast<float>(value) / 255.0F - kMean[c]) / kDeviation[c];
    }
    for (std::size_t i = 0; i < plane; ++i) out[c * plane + i] = table[image.pixels[i * 3 + c]];
  }
  return out;
}

}  // namespace

CropBox draw_crop(Size image, const AugmentOptions& options, RandomStream& stream) {
  const double area = static_cast<double>(image.width) * image.height;
  for (int attempt = 0; attempt < kCropAttempts; ++attempt) {
    const double target = stream.uniform(options.scale_min, options.scale_max) * area;
    const double aspect =
        std::exp(stream.uniform(std::log(options.ratio_min), std::log(options.ratio_max)));
    const int width = round_half_even(std::sqrt(target * aspect));
    const int height = round_half_even(std::sqrt(target / aspect));
    if (width < 1 || height < 1 || width > image.width || height > image.height) continue;
    const auto top = stream.below(static_cast<std::uint64_t>(image.height - height) + 1);
    const auto left = stream.below(static_cast<std::uint64_t>(image.width - width) + 1);
    return {static_cast<int>(top), static_cast<int>(left), height, width};
  }
  return center_crop(image, options);
}

Status validate(const AugmentOptions& options) {
  const auto refuse = [](const char* key, double value, const char* expected) {
    return invalid_argument(format("augment.{}: expected {}, found {}", key, expected, value));
  };
  if (!(options.scale_min > 0 && options.scale_min <= 1))
    return refuse("scale_min", options.scale_min, "above 0, at most 1");
  if (!(options.scale_max >= options.scale_min && options.scale_max <= 1)) {
    return refuse("scale_max", options.scale_max, "scale_min … 1");
  }
  if (!(options.ratio_min > 0 && std::isfinite(options.ratio_min)))
    return refuse("ratio_min", options.ratio_min, "above 0");
  if (!(options.ratio_max >= options.ratio_min && std::isfinite(options.ratio_max))) {
    return refuse("ratio_max", options.ratio_max, "ratio_min or more");
  }
  if (!(options.flip >= 0 && options.flip <= 1)) return refuse("flip", options.flip, "0 … 1");
  if (!(options.erase >= 0 && options.erase <= 1)) return refuse("erase", options.erase, "0 … 1");
  return {};
}

std::vector<float> augment_image(const Image& image, int size, const AugmentOptions& options,
                                 RandomStream& stream) {
  TA_CHECK(size > 0 && image.width > 0 && image.height > 0 && image.channels == 3);
  const CropBox box = draw_crop({image.width, image.height}, options, stream);
  Image view = resize_bilinear_pillow(crop(image, box), size, size);
  if (stream.chance(options.flip)) view = flip_horizontal(view);
  return to_normalized(view);
}

}  // namespace tagalign::data
