#include <algorithm>
#include <cmath>

#include "data/image/kernels/pixel_kernels.h"
#include "data/image/pillow.h"

namespace tagalign::data {
namespace {

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
  return static_cast<std::int32_t>((weight < 0 ? -0.5 : 0.5) + weight * (1 << kWeightBits));
}

/// The input samples that an output sample is made of.
struct Reach {
  int first = 0;
  int taps = 0;
  double center = 0;
};

/// Pillow's weights of one output sample, which add up to one.
std::vector<double> weights_of(const Reach& reach, const Kernel& kernel, double stretch) {
  std::vector<double> weights(static_cast<std::size_t>(reach.taps));
  const double inverse = 1.0 / stretch;
  double sum = 0;
  for (int t = 0; t < reach.taps; ++t) {
    const double weight = kernel.weight((t + reach.first - reach.center + 0.5) * inverse);
    weights[static_cast<std::size_t>(t)] = weight;
    sum += weight;
  }
  if (sum == 0) return weights;
  for (double& weight : weights) weight /= sum;
  return weights;
}

void store_weights(const std::vector<double>& weights, std::int16_t* parts) {
  for (std::size_t t = 0; t < weights.size(); ++t) {
    const std::int32_t weight = fixed_point(weights[t]);
    std::int16_t* group = parts + t / kGroupTaps * kGroupParts + t % kGroupTaps;
    group[0] = static_cast<std::int16_t>(weight >> kLowBits);
    group[kGroupTaps] = static_cast<std::int16_t>(weight & ((1 << kLowBits) - 1));
  }
}

/// The part of a row or column of `in` samples that is resized.
struct Span {
  int in;
  double begin, length;
};

/// Mirrored: the last output sample is the first.
ResampleWeights make_weights(const Span& span, int out, const Kernel& kernel, bool mirrored) {
  const double scale = span.length / out;
  const double stretch = std::max(scale, 1.0);
  const double support = kernel.support * stretch;
  std::vector<Reach> reaches;
  int taps_max = 0;
  for (int i = 0; i < out; ++i) {
    const double center = span.begin + ((mirrored ? out - 1 - i : i) + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(center - support + 0.5));
    const int taps = std::min(span.in, static_cast<int>(center + support + 0.5)) - first;
    reaches.push_back({first, taps, center});
    taps_max = std::max(taps_max, taps);
  }
  ResampleWeights weights;
  weights.groups = (static_cast<std::size_t>(taps_max) + kGroupTaps - 1) / kGroupTaps;
  weights.parts.resize(reaches.size() * weights.groups * kGroupParts);
  for (std::size_t i = 0; i < reaches.size(); ++i) {
    weights.first.push_back(static_cast<std::size_t>(reaches[i].first));
    store_weights(weights_of(reaches[i], kernel, stretch),
                  &weights.parts[i * weights.groups * kGroupParts]);
  }
  return weights;
}

/// The rectangle that is resized, where it lies in its image.
struct Source {
  const std::uint8_t* pixels;
  std::size_t readable;  ///< bytes from `pixels` to the end of the image
  std::size_t stride, row_bytes, rows;
};

Source source_of(const Image& image, const CropBox& box) {
  const std::size_t stride = static_cast<std::size_t>(image.width) * 3;
  const std::size_t offset =
      static_cast<std::size_t>(box.top) * stride + static_cast<std::size_t>(box.left) * 3;
  return {image.pixels.data() + offset, image.pixels.size() - offset, stride,
          static_cast<std::size_t>(box.width) * 3, static_cast<std::size_t>(box.height)};
}

/// The rectangle's rows, resampled along x from the top down; the last few are kept.
class RowsAcross {
 public:
  RowsAcross(const Source& source, ResampleWeights weights, std::size_t kept)
      : source_(source),
        weights_(std::move(weights)),
        kept_(kept + kBlockRows),
        row_bytes_(weights_.outputs() * 3 + kWriteBehind),
        reach_(reach_of(weights_)),
        ring_(kept_ * row_bytes_),
        copies_(kBlockRows * reach_) {}

  /// Goes on until `count` rows were made.
  void prepare(std::size_t count) {
    while (made_ < std::min(count, source_.rows)) make_block();
  }
  /// Row `index`, the last one in place of those behind it.
  const std::uint8_t* row(std::size_t index) const {
    return &ring_[std::min(index, source_.rows - 1) % kept_ * row_bytes_];
  }

 private:
  /// Bytes of a row that the kernel reads.
  static std::size_t reach_of(const ResampleWeights& weights) {
    const std::size_t first = *std::max_element(weights.first.begin(), weights.first.end());
    return (first + weights.groups * kGroupTaps) * 3 + kReadBehind;
  }
  void make_block() {
    const std::size_t count = std::min(kBlockRows, source_.rows - made_);
    RowBlock block;
    for (std::size_t i = 0; i < kBlockRows; ++i) {
      const std::size_t index = made_ + std::min(i, count - 1);
      block.in[i] = readable_row(index, &copies_[i * reach_]);
      block.out[i] = &ring_[index % kept_ * row_bytes_];
    }
    pixel_kernels().resample_across(weights_, block);
    made_ += count;
  }
  /// The row itself, or where the kernel would read behind the image, a copy of it.
  const std::uint8_t* readable_row(std::size_t index, std::uint8_t* copy) const {
    const std::size_t offset = index * source_.stride;
    if (offset + reach_ <= source_.readable) return source_.pixels + offset;
    std::copy_n(source_.pixels + offset, std::min(source_.row_bytes, reach_), copy);
    return copy;
  }

  const Source source_;
  const ResampleWeights weights_;
  const std::size_t kept_, row_bytes_, reach_;
  std::vector<std::uint8_t> ring_;    // [kept, row_bytes], row r in place r % kept
  std::vector<std::uint8_t> copies_;  // [kBlockRows, reach]
  std::size_t made_ = 0;
};

/// The box along one side: from which of the image's samples on, and what lies there.
struct Side {
  int first;
  Span span;
};
Side side_of(int begin, int length, int reduced) {
  const int first = begin / reduced;
  const int end = (begin + length + reduced - 1) / reduced;
  const auto whole = [&](int pixels) { return static_cast<double>(pixels) / reduced; };
  return {first, {end - first, whole(begin - first * reduced), whole(length)}};
}

/// Both passes, as Pillow rounds between them: along x, then along y.
Image resize(const BoxView& view, Size size, const Kernel& kernel, bool mirrored) {
  const auto& [image, box, reduced] = view;
  TA_CHECK(image.channels == 3 && size.width > 0 && size.height > 0);
  TA_CHECK(box.top >= 0 && box.left >= 0 && box.height > 0 && box.width > 0);
  const Side wide = side_of(box.left, box.width, reduced);
  const Side high = side_of(box.top, box.height, reduced);
  const CropBox touched{high.first, wide.first, high.span.in, wide.span.in};
  TA_CHECK(touched.top + touched.height <= image.height);
  TA_CHECK(touched.left + touched.width <= image.width);
  const ResampleWeights down = make_weights(high.span, size.height, kernel, false);
  const std::size_t taps = down.groups * kGroupTaps;
  RowsAcross across(source_of(image, touched),
                    make_weights(wide.span, size.width, kernel, mirrored), taps);
  Image out{size.width, size.height, 3, {}};
  const auto row_bytes = static_cast<std::size_t>(size.width) * 3;
  out.pixels.resize(row_bytes * down.outputs());
  std::vector<const std::uint8_t*> rows(taps);
  for (std::size_t y = 0; y < down.outputs(); ++y) {
    across.prepare(down.first[y] + taps);
    for (std::size_t t = 0; t < taps; ++t) rows[t] = across.row(down.first[y] + t);
    pixel_kernels().resample_down(down.of(y), down.groups, rows.data(), row_bytes,
                                  &out.pixels[y * row_bytes]);
  }
  return out;
}

BoxView whole(const Image& image) {
  return {image, {0, 0, image.height, image.width}};
}

}  // namespace

Image resize_bilinear_pillow(const Image& image, int width, int height) {
  return resize(whole(image), {width, height}, kBilinear, false);
}

Image resize_bicubic_pillow(const Image& image, int width, int height) {
  return resize(whole(image), {width, height}, kBicubic, false);
}

Image resize_box_pillow(const BoxView& view, Size size, bool mirrored) {
  return resize(view, size, kBilinear, mirrored);
}

}  // namespace tagalign::data
