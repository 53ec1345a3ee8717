#include <algorithm>
#include <cmath>

#include "data/image/pillow.h"

namespace tagalign::data {
namespace {

constexpr int kPrecisionBits = 32 - 8 - 2;

/// Weights of the input samples behind every output sample of one axis.
struct Filter {
  int taps_max = 0;
  std::vector<int> first;             // [out]
  std::vector<int> taps;              // [out]
  std::vector<std::int32_t> weights;  // [out, taps_max], fixed point
};

/// A resampling kernel, and how far it reaches.
struct Kernel {
  double (*weight)(double x);
  double support;
};

double triangle(double x) {
  return std::max(0.0, 1.0 - std::abs(x));
}

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

constexpr Kernel kBilinear = {triangle, 1.0};
constexpr Kernel kBicubic = {cubic, 2.0};

std::int32_t fixed_point(double weight) {
  return static_cast<std::int32_t>((weight < 0 ? -0.5 : 0.5) + weight * (1 << kPrecisionBits));
}

Filter make_filter(int in, int out, const Kernel& kernel) {
  const double scale = static_cast<double>(in) / out;
  const double stretch = std::max(scale, 1.0);
  const double support = kernel.support * stretch;
  Filter filter;
  filter.taps_max = static_cast<int>(std::ceil(support)) * 2 + 1;
  filter.weights.resize(static_cast<std::size_t>(out) * static_cast<std::size_t>(filter.taps_max));
  std::vector<double> raw(static_cast<std::size_t>(filter.taps_max));
  for (int o = 0; o < out; ++o) {
    const double center = (o + 0.5) * scale;
    const double inverse = 1.0 / stretch;
    const int first = std::max(0, static_cast<int>(center - support + 0.5));
    const int taps = std::min(in, static_cast<int>(center + support + 0.5)) - first;
    double sum = 0;
    for (int t = 0; t < taps; ++t) {
      raw[static_cast<std::size_t>(t)] = kernel.weight((t + first - center + 0.5) * inverse);
      sum += raw[static_cast<std::size_t>(t)];
    }
    filter.first.push_back(first);
    filter.taps.push_back(taps);
    const auto row = static_cast<std::size_t>(o) * static_cast<std::size_t>(filter.taps_max);
    for (int t = 0; t < taps; ++t) {
      const double weight =
          sum != 0 ? raw[static_cast<std::size_t>(t)] / sum : raw[static_cast<std::size_t>(t)];
      filter.weights[row + static_cast<std::size_t>(t)] = fixed_point(weight);
    }
  }
  return filter;
}

std::uint8_t to_pixel(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
}

/// One pass. A sample is `step` bytes from the next along the resized axis; there are `lines`
/// lines, `line_step` bytes apart, each of `run` neighbouring bytes that are treated alike.
struct Axis {
  std::size_t step_in, step_out;
  std::size_t lines, line_step_in, line_step_out;
  std::size_t run;
};

void resize_axis(const Filter& filter, const Axis& axis, const std::uint8_t* in,
                 std::uint8_t* out) {
  for (std::size_t o = 0; o < filter.first.size(); ++o) {
    const std::int32_t* weights = &filter.weights[o * static_cast<std::size_t>(filter.taps_max)];
    const auto first = static_cast<std::size_t>(filter.first[o]);
    const auto taps = static_cast<std::size_t>(filter.taps[o]);
    for (std::size_t line = 0; line < axis.lines; ++line) {
      const std::uint8_t* source = in + line * axis.line_step_in + first * axis.step_in;
      std::uint8_t* target = out + line * axis.line_step_out + o * axis.step_out;
      for (std::size_t c = 0; c < axis.run; ++c) {
        std::int32_t sum = 1 << (kPrecisionBits - 1);
        for (std::size_t t = 0; t < taps; ++t) sum += source[t * axis.step_in + c] * weights[t];
        target[c] = to_pixel(sum);
      }
    }
  }
}

Image resize_width(const Image& image, int width, const Kernel& kernel) {
  if (width == image.width) return image;
  Image out{width, image.height, 3, {}};
  const auto in_row = static_cast<std::size_t>(image.width) * 3;
  const auto out_row = static_cast<std::size_t>(width) * 3;
  const auto rows = static_cast<std::size_t>(image.height);
  out.pixels.resize(out_row * rows);
  resize_axis(make_filter(image.width, width, kernel), {3, 3, rows, in_row, out_row, 3},
              image.pixels.data(), out.pixels.data());
  return out;
}

Image resize_height(const Image& image, int height, const Kernel& kernel) {
  if (height == image.height) return image;
  Image out{image.width, height, 3, {}};
  const auto row = static_cast<std::size_t>(image.width) * 3;
  out.pixels.resize(row * static_cast<std::size_t>(height));
  resize_axis(make_filter(image.height, height, kernel), {row, row, 1, 0, 0, row},
              image.pixels.data(), out.pixels.data());
  return out;
}

Image resize(const Image& image, int width, int height, const Kernel& kernel) {
  TA_CHECK(image.channels == 3 && width > 0 && height > 0 && image.width > 0 && image.height > 0);
  return resize_height(resize_width(image, width, kernel), height, kernel);
}

}  // namespace

Image crop(const Image& image, const CropBox& box) {
  TA_CHECK(box.top >= 0 && box.left >= 0 && box.height > 0 && box.width > 0);
  TA_CHECK(box.top + box.height <= image.height && box.left + box.width <= image.width);
  Image out{box.width, box.height, image.channels, {}};
  const auto row = static_cast<std::size_t>(box.width * image.channels);
  out.pixels.reserve(row * static_cast<std::size_t>(box.height));
  for (int y = box.top; y < box.top + box.height; ++y) {
    const auto at = (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                     static_cast<std::size_t>(box.left)) *
                    static_cast<std::size_t>(image.channels);
    const auto begin = image.pixels.begin() + static_cast<std::ptrdiff_t>(at);
    out.pixels.insert(out.pixels.end(), begin, begin + static_cast<std::ptrdiff_t>(row));
  }
  return out;
}

Image flip_horizontal(const Image& image) {
  Image out = image;
  const auto width = static_cast<std::size_t>(image.width);
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      std::copy_n(&image.pixels[(y * width + x) * 3], 3,
                  &out.pixels[(y * width + width - 1 - x) * 3]);
    }
  }
  return out;
}

Image resize_bilinear_pillow(const Image& image, int width, int height) {
  return resize(image, width, height, kBilinear);
}

Image resize_bicubic_pillow(const Image& image, int width, int height) {
  return resize(image, width, height, kBicubic);
}

}  // namespace tagalign::data
