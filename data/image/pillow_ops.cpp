#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "data/image/pillow.h"

namespace tagalign::data {
namespace {

using Table = std::array<std::uint8_t, 256>;
using Histogram = std::array<std::int64_t, 256>;

Histogram channel_histogram(const Image& image, std::size_t channel) {
  Histogram counts{};
  for (std::size_t i = channel; i < image.pixels.size(); i += 3) ++counts[image.pixels[i]];
  return counts;
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

Image apply_tables(Image image, const std::array<Table, 3>& tables) {
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = tables[i % 3][image.pixels[i]];
  return image;
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
Image blend(Image degenerate, const Image& image, double factor) {
  const auto alpha = static_cast<float>(factor);
  if (alpha == 1.0F) return image;
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const int from = degenerate.pixels[i];
    const float value =
        static_cast<float>(from) + alpha * static_cast<float>(image.pixels[i] - from);
    degenerate.pixels[i] = value <= 0.0F     ? std::uint8_t{0}
                           : value >= 255.0F ? std::uint8_t{255}
                                             : static_cast<std::uint8_t>(value);
  }
  return degenerate;
}

/// ImageFilter.SMOOTH: 3 × 3 weights 1, centre 5, over 13; border pixels are copied.
Image smooth(const Image& image) {
  constexpr float kSide = 1.0F / 13.0F;
  constexpr float kCenter = 5.0F / 13.0F;
  Image out = image;
  const auto row = static_cast<std::size_t>(image.width) * 3;
  for (std::size_t y = 1; y + 1 < static_cast<std::size_t>(image.height); ++y) {
    for (std::size_t i = y * row + 3; i + 3 < (y + 1) * row; ++i) {
      const auto line = [&](std::size_t at, float middle) {
        return static_cast<float>(image.pixels[at - 3]) * kSide +
               static_cast<float>(image.pixels[at]) * middle +
               static_cast<float>(image.pixels[at + 3]) * kSide;
      };
      float sum = 0.5F;
      sum += line(i + row, kSide);
      sum += line(i, kCenter);
      sum += line(i - row, kSide);
      out.pixels[i] = sum <= 0.0F     ? std::uint8_t{0}
                      : sum >= 255.0F ? std::uint8_t{255}
                                      : static_cast<std::uint8_t>(sum);
    }
  }
  return out;
}

/// Pillow's bilinear_filter32RGB at an input position whose pixel centres lie at halves;
/// false outside the image.
bool sample_bilinear(const Image& image, double x, double y, std::uint8_t* out) {
  if (!(x >= 0 && x < image.width && y >= 0 && y < image.height)) return false;
  const double column = std::floor(x - 0.5);
  const double line = std::floor(y - 0.5);
  const double part_x = x - 0.5 - column;
  const double part_y = y - 0.5 - line;
  const int left = std::clamp(static_cast<int>(column), 0, image.width - 1);
  const int right = std::clamp(static_cast<int>(column) + 1, 0, image.width - 1);
  const int above = std::clamp(static_cast<int>(line), 0, image.height - 1);
  const int below = std::clamp(static_cast<int>(line) + 1, 0, image.height - 1);
  const auto at = [&](int px, int py, int c) {
    return static_cast<double>(
        image.pixels[(static_cast<std::size_t>(py) * static_cast<std::size_t>(image.width) +
                      static_cast<std::size_t>(px)) *
                         3 +
                     static_cast<std::size_t>(c)]);
  };
  for (int c = 0; c < 3; ++c) {
    const double upper = at(left, above, c) + (at(right, above, c) - at(left, above, c)) * part_x;
    const double lower = at(left, below, c) + (at(right, below, c) - at(left, below, c)) * part_x;
    out[c] = static_cast<std::uint8_t>(upper + (lower - upper) * part_y);
  }
  return true;
}

double round_to_15_digits(double value) {
  return std::nearbyint(value * 1e15) / 1e15;
}

}  // namespace

Image auto_contrast(const Image& image) {
  std::array<Table, 3> tables;
  for (std::size_t c = 0; c < 3; ++c) tables[c] = auto_contrast_table(channel_histogram(image, c));
  return apply_tables(image, tables);
}

Image equalize(const Image& image) {
  std::array<Table, 3> tables;
  for (std::size_t c = 0; c < 3; ++c) tables[c] = equalize_table(channel_histogram(image, c));
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
  Image grey = image;
  for (std::size_t i = 0; i < grey.pixels.size(); i += 3)
    std::fill_n(&grey.pixels[i], 3, luma(&image.pixels[i]));
  return blend(std::move(grey), image, factor);
}

Image enhance_contrast(const Image& image, double factor) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) sum += luma(&image.pixels[i]);
  const double mean = static_cast<double>(sum) / static_cast<double>(image.pixels.size() / 3);
  Image flat = image;
  std::fill(flat.pixels.begin(), flat.pixels.end(), static_cast<std::uint8_t>(mean + 0.5));
  return blend(std::move(flat), image, factor);
}

Image enhance_brightness(const Image& image, double factor) {
  Image black = image;
  std::fill(black.pixels.begin(), black.pixels.end(), std::uint8_t{0});
  return blend(std::move(black), image, factor);
}

Image enhance_sharpness(const Image& image, double factor) {
  return blend(smooth(image), image, factor);
}

Image transform_affine(const Image& image, const AffineMatrix& m, const FillColor& fill) {
  Image out{image.width, image.height, 3, std::vector<std::uint8_t>(image.pixels.size())};
  std::uint8_t* target = out.pixels.data();
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x, target += 3) {
      const double center_x = x + 0.5;
      const double center_y = y + 0.5;
      const double source_x = m.a * center_x + m.b * center_y + m.c;
      const double source_y = m.d * center_x + m.e * center_y + m.f;
      if (!sample_bilinear(image, source_x, source_y, target))
        std::copy(fill.begin(), fill.end(), target);
    }
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
