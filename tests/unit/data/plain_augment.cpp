#include "tests/unit/data/plain_augment.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "data/training/augment_draws.h"

namespace tagalign::data::plain {
namespace {

constexpr int kFractionBits = 22;
constexpr FillColor kFill{124, 116, 104};

double weight_of(Filter filter, double x) {
  x = std::abs(x);
  if (filter == Filter::kBilinear) return std::max(0.0, 1.0 - x);
  constexpr double a = -0.5;
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

/// Weights of all input samples behind one output sample, in fixed point.
std::vector<std::int32_t> weights_of(int in, int out, int at, Filter filter) {
  const double scale = static_cast<double>(in) / out;
  const double stretch = std::max(scale, 1.0);
  const double support = (filter == Filter::kBilinear ? 1.0 : 2.0) * stretch;
  const double center = (at + 0.5) * scale;
  const int first = std::max(0, static_cast<int>(center - support + 0.5));
  const int last = std::min(in, static_cast<int>(center + support + 0.5));
  std::vector<double> weights(static_cast<std::size_t>(in));
  double sum = 0;
  for (int i = first; i < last; ++i) {
    weights[static_cast<std::size_t>(i)] = weight_of(filter, (i - center + 0.5) * (1.0 / stretch));
    sum += weights[static_cast<std::size_t>(i)];
  }
  std::vector<std::int32_t> fixed;
  for (const double weight : weights) {
    const double share = (sum != 0 ? weight / sum : weight) * (1 << kFractionBits);
    fixed.push_back(static_cast<std::int32_t>((share < 0 ? -0.5 : 0.5) + share));
  }
  return fixed;
}

std::uint8_t& at(Image& image, int x, int y, int c) {
  return image.pixels[static_cast<std::size_t>((y * image.width + x) * 3 + c)];
}
int at(const Image& image, int x, int y, int c) {
  return image.pixels[static_cast<std::size_t>((y * image.width + x) * 3 + c)];
}

Image blank(int width, int height) {
  return {width, height, 3,
          std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * 3))};
}

/// Calls set(x, y, c) for every byte, which takes what it returns.
template <class Function>
Image made(int width, int height, Function value_of) {
  Image out = blank(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) at(out, x, y, c) = static_cast<std::uint8_t>(value_of(x, y, c));
    }
  }
  return out;
}

int cut(float value) {
  return value <= 0.0F ? 0 : value >= 255.0F ? 255 : static_cast<int>(value);
}

int rounded(std::int64_t sum) {
  return std::clamp(static_cast<int>((sum + (1 << (kFractionBits - 1))) >> kFractionBits), 0, 255);
}

Image resize_width(const Image& image, int width, Filter filter) {
  std::vector<std::vector<std::int32_t>> weights;
  for (int x = 0; x < width; ++x) weights.push_back(weights_of(image.width, width, x, filter));
  return made(width, image.height, [&](int x, int y, int c) {
    std::int64_t sum = 0;
    for (int i = 0; i < image.width; ++i)
      sum += std::int64_t{at(image, i, y, c)} *
             weights[static_cast<std::size_t>(x)][static_cast<std::size_t>(i)];
    return rounded(sum);
  });
}

Image turned(const Image& image) {
  return made(image.height, image.width, [&](int x, int y, int c) { return at(image, y, x, c); });
}

int luma(const Image& image, int x, int y) {
  return (at(image, x, y, 0) * 19595 + at(image, x, y, 1) * 38470 + at(image, x, y, 2) * 7471 +
          0x8000) >>
         16;
}

double round_to_15_digits(double value) {
  return std::nearbyint(value * 1e15) / 1e15;
}

/// Image.rotate's matrix about the centre.
AffineMatrix rotation(const Image& image, double degrees) {
  double turn = std::fmod(degrees, 360.0);
  if (turn < 0) turn += 360.0;
  const double angle = -(turn * (std::numbers::pi / 180.0));
  AffineMatrix m;
  m.a = m.e = round_to_15_digits(std::cos(angle));
  m.b = round_to_15_digits(std::sin(angle));
  m.d = round_to_15_digits(-std::sin(angle));
  const double x = image.width / 2.0, y = image.height / 2.0;
  m.c = m.a * -x + m.b * -y + x;
  m.f = m.d * -x + m.e * -y + y;
  return m;
}

/// Those that the product computes with loops of its own; tables are simple enough there.
Image apply(const Image& image, const AppliedOp& op) {
  switch (op.op) {
    case AugmentOp::kColor:
      return blend(grey(image), image, op.argument);
    case AugmentOp::kContrast:
      return blend(flat(image), image, op.argument);
    case AugmentOp::kBrightness:
      return blend(black(image), image, op.argument);
    case AugmentOp::kSharpness:
      return blend(smooth(image), image, op.argument);
    case AugmentOp::kRotate:
      return op.argument == 0 ? image
                              : plain::transform_affine(image, rotation(image, op.argument), kFill);
    case AugmentOp::kShearX:
      return plain::transform_affine(image, {.b = op.argument}, kFill);
    case AugmentOp::kShearY:
      return plain::transform_affine(image, {.d = op.argument}, kFill);
    case AugmentOp::kTranslateX:
      return plain::transform_affine(image, {.c = op.argument * image.width}, kFill);
    case AugmentOp::kTranslateY:
      return plain::transform_affine(image, {.f = op.argument * image.height}, kFill);
    default:
      return apply_op(image, op);
  }
}

/// Pillow's bilinear filter; `x` and `y` lie within the image.
int sample(const Image& image, double x, double y, int c) {
  const double column = std::floor(x - 0.5), line = std::floor(y - 0.5);
  const auto value = [&](double px, double py) {
    return static_cast<double>(at(image, std::clamp(static_cast<int>(px), 0, image.width - 1),
                                  std::clamp(static_cast<int>(py), 0, image.height - 1), c));
  };
  const auto row = [&](double py) {
    const double left = value(column, py);
    return left + (value(column + 1, py) - left) * (x - 0.5 - column);
  };
  const double upper = row(line);
  return static_cast<int>(upper + (row(line + 1) - upper) * (y - 0.5 - line));
}

}  // namespace

Image crop(const Image& image, const CropBox& box) {
  return made(box.width, box.height,
              [&](int x, int y, int c) { return at(image, box.left + x, box.top + y, c); });
}

Image flip_horizontal(const Image& image) {
  return made(image.width, image.height,
              [&](int x, int y, int c) { return at(image, image.width - 1 - x, y, c); });
}

Image resize(const Image& image, Size size, Filter filter) {
  return turned(resize_width(turned(resize_width(image, size.width, filter)), size.height, filter));
}

Image blend(const Image& degenerate, const Image& image, double factor) {
  const auto alpha = static_cast<float>(factor);
  return made(image.width, image.height, [&](int x, int y, int c) {
    const int from = at(degenerate, x, y, c);
    return cut(static_cast<float>(from) + alpha * static_cast<float>(at(image, x, y, c) - from));
  });
}

Image grey(const Image& image) {
  return made(image.width, image.height, [&](int x, int y, int) { return luma(image, x, y); });
}

Image flat(const Image& image) {
  std::int64_t sum = 0;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) sum += luma(image, x, y);
  }
  const double mean = static_cast<double>(sum) / (image.width * image.height);
  return made(image.width, image.height, [&](int, int, int) { return mean + 0.5; });
}

Image black(const Image& image) {
  return blank(image.width, image.height);
}

Image smooth(const Image& image) {
  const float side = 1.0F / 13.0F, center = 5.0F / 13.0F;
  return made(image.width, image.height, [&](int x, int y, int c) {
    if (x == 0 || y == 0 || x + 1 == image.width || y + 1 == image.height)
      return at(image, x, y, c);
    const auto line = [&](int py, float middle) {
      return static_cast<float>(at(image, x - 1, py, c)) * side +
             static_cast<float>(at(image, x, py, c)) * middle +
             static_cast<float>(at(image, x + 1, py, c)) * side;
    };
    float sum = 0.5F + line(y + 1, side);
    sum += line(y, center);
    sum += line(y - 1, side);
    return cut(sum);
  });
}

Image transform_affine(const Image& image, const AffineMatrix& m, const FillColor& fill) {
  return made(image.width, image.height, [&](int x, int y, int c) {
    const double source_x = m.a * (x + 0.5) + m.b * (y + 0.5) + m.c;
    const double source_y = m.d * (x + 0.5) + m.e * (y + 0.5) + m.f;
    const bool inside =
        source_x >= 0 && source_x < image.width && source_y >= 0 && source_y < image.height;
    return inside ? sample(image, source_x, source_y, c) : fill[static_cast<std::size_t>(c)];
  });
}

std::vector<float> normalize(const Image& image) {
  constexpr float kMean[]{0.485F, 0.456F, 0.406F}, kDeviation[]{0.229F, 0.224F, 0.225F};
  std::vector<float> planes;
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < image.height; ++y) {
      for (int x = 0; x < image.width; ++x)
        planes.push_back((static_cast<float>(at(image, x, y, c)) / 255.0F - kMean[c]) /
                         kDeviation[c]);
    }
  }
  return planes;
}

std::vector<float> augment(const Image& image, int size, const AugmentOptions& options,
                           RandomStream& stream) {
  Image view = resize(crop(image, draw_crop({image.width, image.height}, options, stream)),
                      {size, size}, Filter::kBilinear);
  if (stream.chance(options.flip)) view = flip_horizontal(view);
  if (!options.rand_augment.empty()) {
    const auto policy = parse_rand_augment(options.rand_augment).value();
    for (const AppliedOp& op : draw_ops(policy, stream)) view = apply(view, op);
  }
  std::vector<float> planes = normalize(view);
  const auto hole = draw_erasing({size, size}, options.erase, stream);
  if (!hole) return planes;
  for (int c = 0; c < 3; ++c) {
    for (int y = hole->top; y < hole->top + hole->height; ++y) {
      for (int x = hole->left; x < hole->left + hole->width; ++x)
        planes[static_cast<std::size_t>((c * size + y) * size + x)] =
            static_cast<float>(stream.normal());
    }
  }
  return planes;
}

}  // namespace tagalign::data::plain
