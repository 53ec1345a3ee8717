#include "data/training/augment.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/format.h"
#include "data/image/pillow.h"
#include "data/training/augment_draws.h"
#include "data/training/rand_augment.h"

namespace tagalign::data {
namespace {

constexpr int kCropAttempts = 10;
constexpr int kEraseAttempts = 10;
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

/// What each byte becomes in one channel.
using NormalTable = std::array<float, 256>;
std::array<NormalTable, 3> normal_tables() {
  std::array<NormalTable, 3> tables;
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t value = 0; value < 256; ++value)
      tables[c][value] = (static_cast<float>(value) / 255.0F - kMean[c]) / kDeviation[c];
  }
  return tables;
}

/// Mode "pixel": every value in the box becomes an independent normal number.
void erase(float* planes, Size size, const CropBox& box, RandomStream& stream) {
  const auto width = static_cast<std::size_t>(box.width);
  std::vector<float> noise(3 * width * static_cast<std::size_t>(box.height));
  stream.normals(noise.size(), noise.data());
  const float* next = noise.data();
  for (int c = 0; c < 3; ++c) {
    for (int y = box.top; y < box.top + box.height; ++y, next += width) {
      const auto row = static_cast<std::ptrdiff_t>(c * size.height + y) * size.width;
      std::copy_n(next, width, planes + row + box.left);
    }
  }
}

}  // namespace

void normalize_into(const Image& image, float* planes) {
  static const std::array<NormalTable, 3> kTables = normal_tables();
  const std::size_t plane =
      static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  const std::uint8_t* rgb = image.pixels.data();
  for (std::size_t i = 0; i < plane; ++i, rgb += 3) {
    planes[i] = kTables[0][rgb[0]];
    planes[plane + i] = kTables[1][rgb[1]];
    planes[2 * plane + i] = kTables[2][rgb[2]];
  }
}

std::optional<CropBox> draw_erasing(Size image, double probability, RandomStream& stream) {
  if (!stream.chance(probability)) return std::nullopt;
  const double area = static_cast<double>(image.width) * image.height;
  const double log_aspect = std::log(0.3);
  for (int attempt = 0; attempt < kEraseAttempts; ++attempt) {
    const double target = stream.uniform(0.02, 1.0 / 3.0) * area;
    const double aspect = std::exp(stream.uniform(log_aspect, -log_aspect));
    const int height = round_half_even(std::sqrt(target * aspect));
    const int width = round_half_even(std::sqrt(target / aspect));
    if (width >= image.width || height >= image.height) continue;
    const auto top = stream.below(static_cast<std::uint64_t>(image.height - height) + 1);
    const auto left = stream.below(static_cast<std::uint64_t>(image.width - width) + 1);
    return CropBox{static_cast<int>(top), static_cast<int>(left), height, width};
  }
  return std::nullopt;
}

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
  if (options.rand_augment.empty()) return {};
  return parse_rand_augment(options.rand_augment).status();
}

void augment_box(const BoxView& view, int size, const AugmentOptions& options, RandomStream& stream,
                 float* planes) {
  Image image = resize_box_pillow(view, {size, size}, stream.chance(options.flip));
  if (!options.rand_augment.empty()) {
    const Result<RandAugmentPolicy> policy = parse_rand_augment(options.rand_augment);
    for (const AppliedOp& op : draw_ops(policy.value(), stream)) image = apply_op(image, op);
  }
  normalize_into(image, planes);
  if (const auto hole = draw_erasing({size, size}, options.erase, stream))
    erase(planes, {size, size}, *hole, stream);
}

}  // namespace tagalign::data
