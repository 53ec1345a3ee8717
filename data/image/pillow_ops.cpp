#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "data/image/kernels/pixel_kernels.h"
#include "data/image/pillow.h"

namespace tagalign::data {
namespace {

using Table = std::array<std::uint8_t, 256>;
using Histogram = std::array<std::int64_t, 256>;

std::array<Histogram, 3> channel_histograms(const Image& image) {
  std::array<Histogram, 3> counts{};
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    for (std::size_t c = 0; c < 3; ++c) ++counts[c][image.pixels[i + c]];
  }
  return counts;
}

/// Of the same size, its pixels still to be written.
Image blank_like(const Image& image) {
  return {image.width, image.height, 3, std::vector<std::uint8_t>(image.pixels.size())};
}

Table identity_table() {
  Table table;
  std::iota(table.begin(), table.end(), std::uint8_t{0});
  return table;
}

template <class Function>
Table make_table(Function value_of) {
  Table table;
  for (int i = 0; i < 256; ++i)
    table[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(std::clamp(value_of(i), 0, 255));
  return table;
}

Image apply_tables(const Image& image, const std::array<Table, 3>& tables) {
  Image out = blank_like(image);
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    for (std::size_t c = 0; c < 3; ++c) out.pixels[i + c] = tables[c][image.pixels[i + c]];
  }
  return out;
}

Table auto_contrast_table(const Histogram& counts) {
  int low = 0;
  int high = 255;
  while (low < 255 && counts[static_cast<std::size_t>(low)] == 0) ++low;
  while (high > 0 && counts[static_cast<std::size_t>(high)] == 0) --high;
  if (high <= low) return identity_table();
  const double scale = 255.0 / (high - low);
  const double offset = -low * scale;
  return make_table([&](int value) { return static_cast<int>(value * scale + offset); });
}

Table equalize_table(const Histogram& counts) {
  std::vector<std::int64_t> used;
  std::copy_if(counts.begin(), counts.end(), std::back_inserter(used),
               [](std::int64_t n) { return n > 0; });
  if (used.size() <= 1) return identity_table();
  const std::int64_t step =
      (std::accumulate(used.begin(), used.end(), std::int64_t{0}) - used.back()) / 255;
  if (step == 0) return identity_table();
  std::int64_t seen = step / 2;
  return make_table([&](int value) {
    const auto level = static_cast<int>(seen / step);
    seen += counts[static_cast<std::size_t>(value)];
    return level;
  });
}

std::uint8_t luma(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >>
                                   16);
}

/// Image.blend(degenerate, image, factor) in float32, cut to whole numbers.
Image blend(const Image& degenerate, const Image& image, double factor) {
  const auto alpha = static_cast<float>(factor);
  if (alpha == 1.0F) return image;
  Image out = blank_like(image);
  pixel_kernels().blend(degenerate.pixels.data(), image.pixels.data(), alpha, image.pixels.size(),
                        out.pixels.data());
  return out;
}

/// An image of one value in all channels.
Image flat_like(const Image& image, std::uint8_t value) {
  return {image.width, image.height, 3, std::vector<std::uint8_t>(image.pixels.size(), value)};
}

/// ImageFilter.SMOOTH; border pixels are copied.
Image smooth(const Image& image) {
  Image out = image;
  if (image.width < 3 || image.height < 3) return out;
  const auto row = static_cast<std::size_t>(image.width) * 3;
  for (std::size_t y = 1; y + 1 < static_cast<std::size_t>(image.height); ++y) {
    const std::size_t inner = y * row + 3;
    pixel_kernels().smooth(&image.pixels[inner], row, row - 6, &out.pixels[inner]);
  }
  return out;
}

double round_to_15_digits(double value) {
  return std::nearbyint(value * 1e15) / 1e15;
}

}  // namespace

Image auto_contrast(const Image& image) {
  const std::array<Histogram, 3> counts = channel_histograms(image);
  std::array<Table, 3> tables;
  for (std::size_t c = 0; c < 3; ++c) tables[c] = auto_contrast_table(counts[c]);
  return apply_tables(image, tables);
}

Image equalize(const Image& image) {
  const std::array<Histogram, 3> counts = channel_histograms(image);
  std::array<Table, 3> tables;
  for (std::size_t c = 0; c < 3; ++c) tables[c] = equalize_table(counts[c]);
  return apply_tables(image, tables);
}

Image invert(const Image& image) {
  const Table table = make_table([](int value) { return 255 - value; });
  return apply_tables(image, {table, table, table});
}

Image posterize(const Image& image, int bits) {
  TA_CHECK(bits >= 0 && bits <= 8);
  const int mask = ~((1 << (8 - bits)) - 1);
  const Table table = make_table([&](int value) { return value & mask; });
  return apply_tables(image, {table, table, table});
}

Image solarize(const Image& image, int threshold) {
  const Table table =
      make_table([&](int value) { return value < threshold ? value : 255 - value; });
  return apply_tables(image, {table, table, table});
}

Image solarize_add(const Image& image, int amount) {
  const Table table = make_table([&](int value) { return value < 128 ? value + amount : value; });
  return apply_tables(image, {table, table, table});
}

Image enhance_color(const Image& image, double factor) {
  Image grey = blank_like(image);
  for (std::size_t i = 0; i < grey.pixels.size(); i += 3)
    std::fill_n(&grey.pixels[i], 3, luma(&image.pixels[i]));
  return blend(grey, image, factor);
}

Image enhance_contrast(const Image& image, double factor) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) sum += luma(&image.pixels[i]);
  const double mean = static_cast<double>(sum) / static_cast<double>(image.pixels.size() / 3);
  return blend(flat_like(image, static_cast<std::uint8_t>(mean + 0.5)), image, factor);
}

Image enhance_brightness(const Image& image, double factor) {
  return blend(flat_like(image, 0), image, factor);
}

Image enhance_sharpness(const Image& image, double factor) {
  return blend(smooth(image), image, factor);
}

Image transform_affine(const Image& image, const AffineMatrix& matrix, const FillColor& fill) {
  Image out = blank_like(image);
  const auto row = static_cast<std::size_t>(image.width) * 3;
  for (int y = 0; y < image.height; ++y) {
    pixel_kernels().affine_row(image, matrix, fill, y,
                               &out.pixels[static_cast<std::size_t>(y) * row]);
  }
  return out;
}

Image rotate(const Image& image, double degrees, const FillColor& fill) {
  double turn = std::fmod(degrees, 360.0);
  if (turn < 0) turn += 360.0;
  if (turn == 0) return image;
  const double angle = -(turn * (std::numbers::pi / 180.0));
  AffineMatrix m;
  m.a = m.e = round_to_15_digits(std::cos(angle));
  m.b = round_to_15_digits(std::sin(angle));
  m.d = round_to_15_digits(-std::sin(angle));
  const double center_x = image.width / 2.0;
  const double center_y = image.height / 2.0;
  m.c = m.a * -center_x + m.b * -center_y + center_x;
  m.f = m.d * -center_x + m.e * -center_y + center_y;
  return transform_affine(image, m, fill);
}

}  // namespace tagalign::data
