// cv::resize. INTER_LINEAR on 8-bit images: weights of 11 bits, the row sums cut to 4 fewer bits
// before the columns. INTER_NEAREST: the pixel at or before the scaled position.
#include <algorithm>
#include <array>
#include <cmath>

#include "data/image/image.h"

namespace tagalign::data {
namespace {

constexpr int kWeightOne = 1 << 11;

/// For every output position of one axis: the two input positions and their weights.
struct Taps {
  std::vector<int> first;   // [out]
  std::vector<int> second;  // [out]
  std::vector<std::array<int, 2>> weights;
};

std::array<int, 2> to_weights(float part) {
  return {static_cast<int>(std::lrintf((1.0F - part) * kWeightOne)),
          static_cast<int>(std::lrintf(part * kWeightOne))};
}

/// `edge_exact`: columns past the border take the border's pixel alone; rows mix the
/// border row with itself.
Taps make_taps(int in, int out, bool edge_exact) {
  const double scale = 1.0 / (static_cast<double>(out) / in);
  Taps taps;
  for (int o = 0; o < out; ++o) {
    auto position = static_cast<float>((o + 0.5) * scale - 0.5);
    int first = static_cast<int>(std::floor(position));
    position -= static_cast<float>(first);
    if (edge_exact && (first < 0 || first >= in - 1)) {
      position = 0;
      first = std::clamp(first, 0, in - 1);
    }
    taps.first.push_back(std::clamp(first, 0, in - 1));
    taps.second.push_back(std::clamp(first + 1, 0, in - 1));
    taps.weights.push_back(to_weights(position));
  }
  return taps;
}

void resize_row(const std::uint8_t* row, const Taps& columns, std::size_t channels, int* out) {
  for (std::size_t x = 0; x < columns.first.size(); ++x) {
    const std::uint8_t* left = row + static_cast<std::size_t>(columns.first[x]) * channels;
    const std::uint8_t* right = row + static_cast<std::size_t>(columns.second[x]) * channels;
    for (std::size_t c = 0; c < channels; ++c) {
      *out++ = left[c] * columns.weights[x][0] + right[c] * columns.weights[x][1];
    }
  }
}

/// OpenCV replaces bilinear by the mean of 2 × 2 pixels when both sides shrink to exactly one half.
Image halve(const Image& image) {
  Image out{image.width / 2, image.height / 2, image.channels, {}};
  const auto channels = static_cast<std::size_t>(image.channels);
  const std::size_t row = static_cast<std::size_t>(image.width) * channels;
  for (std::size_t y = 0; y < static_cast<std::size_t>(out.height); ++y) {
    for (std::size_t x = 0; x < static_cast<std::size_t>(out.width); ++x) {
      for (std::size_t c = 0; c < channels; ++c) {
        const std::uint8_t* p = &image.pixels[2 * y * row + 2 * x * channels + c];
        out.pixels.push_back(
            static_cast<std::uint8_t>((p[0] + p[channels] + p[row] + p[row + channels] + 2) >> 2));
      }
    }
  }
  return out;
}

/// For every output position of one axis the input position.
std::vector<int> nearest_positions(int in, int out) {
  const double scale = 1.0 / (static_cast<double>(out) / in);
  std::vector<int> positions;
  for (int o = 0; o < out; ++o) {
    positions.push_back(std::min(static_cast<int>(std::floor(o * scale)), in - 1));
  }
  return positions;
}

}  // namespace

Image resize_bilinear_opencv(const Image& image, int width, int height) {
  TA_CHECK(image.width > 0 && image.height > 0 && width > 0 && height > 0);
  if (width == image.width && height == image.height) return image;
  if (width * 2 == image.width && height * 2 == image.height) return halve(image);
  const auto channels = static_cast<std::size_t>(image.channels);
  const Taps columns = make_taps(image.width, width, true);
  const Taps rows = make_taps(image.height, height, false);
  const std::size_t row_values = static_cast<std::size_t>(width) * channels;
  std::array<std::vector<int>, 2> lines{std::vector<int>(row_values), std::vector<int>(row_values)};
  std::array<int, 2> held{-1, -1};  // which input row each line holds
  Image out{width, height, image.channels, {}};
  out.pixels.reserve(row_values * static_cast<std::size_t>(height));
  for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y) {
    const std::array<int, 2> wanted{rows.first[y], rows.second[y]};
    if (held[1] == wanted[0]) std::swap(lines[0], lines[1]), std::swap(held[0], held[1]);
    for (std::size_t k = 0; k < 2; ++k) {
      if (held[k] == wanted[k]) continue;
      const std::size_t offset =
          static_cast<std::size_t>(wanted[k]) * static_cast<std::size_t>(image.width) * channels;
      resize_row(&image.pixels[offset], columns, channels, lines[k].data());
      held[k] = wanted[k];
    }
    const auto [above, below] = rows.weights[y];
    for (std::size_t i = 0; i < row_values; ++i) {
      const int sum = ((above * (lines[0][i] >> 4)) >> 16) + ((below * (lines[1][i] >> 4)) >> 16);
      out.pixels.push_back(static_cast<std::uint8_t>((sum + 2) >> 2));
    }
  }
  return out;
}

LabelMap resize_nearest_opencv(const LabelMap& label, int width, int height) {
  TA_CHECK(label.width > 0 && label.height > 0 && width > 0 && height > 0);
  const std::vector<int> columns = nearest_positions(label.width, width);
  const std::vector<int> rows = nearest_positions(label.height, height);
  LabelMap out{width, height, {}};
  out.ids.reserve(columns.size() * rows.size());
  for (const int row : rows) {
    const std::uint16_t* ids =
        &label.ids[static_cast<std::size_t>(row) * static_cast<std::size_t>(label.width)];
    for (const int column : columns) out.ids.push_back(ids[column]);
  }
  return out;
}

}  // namespace tagalign::data
