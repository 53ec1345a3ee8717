// The sets of kernels give the same bytes, and what is built from them those of the plain way.
#include "data/image/kernels/pixel_kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/data/image_samples.h"
#include "tests/unit/data/plain_augment.h"

namespace tagalign::data {
namespace {

using Bytes = std::vector<std::uint8_t>;

RandomStream test_stream(std::uint64_t number) {
  return RandomStream({5, 0, number}, StreamPurpose::kTest);
}

int below(RandomStream& stream, int count) {
  return static_cast<int>(stream.below(static_cast<std::uint64_t>(count)));
}

Size random_size(RandomStream& stream, int side_max) {
  const int width = 1 + below(stream, side_max);
  return {width, 1 + below(stream, side_max)};
}

/// Skips, with the reason, where there is only one set.
class BothSets : public ::testing::Test {
 protected:
  void SetUp() override {
    if (avx2_kernels() == nullptr) GTEST_SKIP() << "needs a processor with AVX2";
  }
};

/// Weights of any 22 bits and sign, as no filter has them.
ResampleWeights random_weights(std::size_t outputs, std::size_t groups, std::size_t inputs,
                               RandomStream& stream) {
  ResampleWeights weights{groups, {}, {}};
  for (std::size_t o = 0; o < outputs; ++o) {
    weights.first.push_back(stream.below(inputs));
    for (std::size_t i = 0; i < groups * kGroupParts; ++i) {
      const auto draw = static_cast<int>(stream.next_u32() % 2048);
      const bool high = i % kGroupParts < kGroupTaps;
      weights.parts.push_back(static_cast<std::int16_t>(high ? (draw - 512) / 4 : draw));
    }
  }
  return weights;
}

TEST_F(BothSets, ResampledAcross_AreEqual) {
  for (std::uint64_t number = 0; number < 200; ++number) {
    RandomStream stream = test_stream(number);
    const std::size_t inputs = 1 + stream.below(60), outputs = 1 + stream.below(40);
    const ResampleWeights weights = random_weights(outputs, 1 + stream.below(4), inputs, stream);
    const std::size_t reach = (inputs + weights.groups * kGroupTaps) * 3 + kReadBehind;
    Bytes in(kBlockRows * reach);
    for (auto& byte : in) byte = static_cast<std::uint8_t>(stream.next_u32());
    const std::size_t row = outputs * 3 + kWriteBehind;
    Bytes expected(kBlockRows * row), actual(kBlockRows * row);
    const auto run = [&](const PixelKernels& kernels, Bytes& out) {
      RowBlock rows;
      for (std::size_t i = 0; i < kBlockRows; ++i)
        rows.in[i] = &in[i * reach], rows.out[i] = &out[i * row];
      kernels.resample_across(weights, rows);
      for (std::size_t i = 1; i <= kBlockRows; ++i) out[i * row - kWriteBehind] = 0;
    };
    run(portable_kernels(), expected);
    run(*avx2_kernels(), actual);
    ASSERT_EQ(actual, expected) << number;
  }
}

TEST_F(BothSets, ResampledDown_AreEqual) {
  for (std::uint64_t number = 0; number < 200; ++number) {
    RandomStream stream = test_stream(number);
    const std::size_t groups = 1 + stream.below(4), bytes = 1 + stream.below(200);
    const ResampleWeights weights = random_weights(1, groups, 1, stream);
    std::vector<Bytes> in(groups * kGroupTaps, Bytes(bytes));
    std::vector<const std::uint8_t*> rows;
    for (Bytes& row : in) {
      for (auto& byte : row) byte = static_cast<std::uint8_t>(stream.next_u32());
      rows.push_back(row.data());
    }
    Bytes expected(bytes), actual(bytes);
    portable_kernels().resample_down(weights.of(0), groups, rows.data(), bytes, expected.data());
    avx2_kernels()->resample_down(weights.of(0), groups, rows.data(), bytes, actual.data());
    ASSERT_EQ(actual, expected) << number;
  }
}

/// Turns, shears, stretches and shifts; some whole numbers, some far outside.
AffineMatrix random_matrix(Size size, RandomStream& stream) {
  const auto draw = [&](double most) {
    const double value = stream.uniform(-most, most);
    return stream.chance(0.2) ? std::nearbyint(value) : value;
  };
  const double width = size.width, height = size.height;
  if (stream.chance(0.3)) return {.c = draw(width), .f = draw(height)};
  return {
      .a = draw(2), .b = draw(1), .c = draw(width), .d = draw(1), .e = draw(2), .f = draw(height)};
}

TEST_F(BothSets, AffineRows_AreEqual) {
  constexpr FillColor kFill{1, 2, 3};
  for (std::uint64_t number = 0; number < 600; ++number) {
    RandomStream stream = test_stream(number);
    const Image image = noisy_image(random_size(stream, 50), stream);
    const AffineMatrix matrix = random_matrix({image.width, image.height}, stream);
    const auto bytes = static_cast<std::size_t>(image.width) * 3;
    for (int y = 0; y < image.height; ++y) {
      Bytes expected(bytes), actual(bytes);
      portable_kernels().affine_row(image, matrix, kFill, y, expected.data());
      avx2_kernels()->affine_row(image, matrix, kFill, y, actual.data());
      ASSERT_EQ(actual, expected) << number << " row " << y;
    }
  }
}

TEST_F(BothSets, BlendedAndSmoothed_AreEqual) {
  for (std::uint64_t number = 0; number < 200; ++number) {
    RandomStream stream = test_stream(number);
    const Image image = noisy_image({3 + below(stream, 60), 3 + below(stream, 9)}, stream);
    const Image other = noisy_image({image.width, image.height}, stream);
    const auto alpha = static_cast<float>(stream.uniform(0, 2));
    const std::size_t bytes = image.pixels.size(), row = static_cast<std::size_t>(image.width) * 3;
    Bytes expected(bytes), actual(bytes);
    const auto run = [&](const PixelKernels& kernels, Bytes& out) {
      kernels.blend(other.pixels.data(), image.pixels.data(), alpha, bytes, out.data());
      kernels.smooth(&image.pixels[row + 3], row, row - 6, &out[row + 3]);
    };
    run(portable_kernels(), expected);
    run(*avx2_kernels(), actual);
    ASSERT_EQ(actual, expected) << number;
  }
}

TEST(ResizeBoxPillow, AnyBoxAndSize_GivesThePlainWaysBytes) {
  for (std::uint64_t number = 0; number < 500; ++number) {
    RandomStream stream = test_stream(number);
    const Image image = noisy_image(random_size(stream, 100), stream);
    CropBox box{below(stream, image.height), below(stream, image.width), 0, 0};
    box.height = 1 + below(stream, image.height - box.top);
    box.width = 1 + below(stream, image.width - box.left);
    const Size size = stream.chance(0.1) ? Size{box.width, box.height} : random_size(stream, 60);
    const bool mirrored = stream.chance(0.5);
    Image expected = plain::resize(plain::crop(image, box), size, plain::Filter::kBilinear);
    if (mirrored) expected = plain::flip_horizontal(expected);
    ASSERT_EQ(resize_box_pillow({image, box}, size, mirrored).pixels, expected.pixels) << number;
  }
}

TEST(ResizePillow, AnySize_GivesThePlainWaysBytes) {
  for (std::uint64_t number = 0; number < 200; ++number) {
    RandomStream stream = test_stream(number);
    const Image image = noisy_image(random_size(stream, 90), stream);
    const Size size = random_size(stream, 60);
    ASSERT_EQ(resize_bilinear_pillow(image, size.width, size.height).pixels,
              plain::resize(image, size, plain::Filter::kBilinear).pixels)
        << number;
    ASSERT_EQ(resize_bicubic_pillow(image, size.width, size.height).pixels,
              plain::resize(image, size, plain::Filter::kBicubic).pixels)
        << number;
  }
}

TEST(EnhanceAndTransform, AnyImage_GiveThePlainWaysBytes) {
  constexpr FillColor kFill{124, 116, 104};
  for (std::uint64_t number = 0; number < 200; ++number) {
    RandomStream stream = test_stream(number);
    const Image image = noisy_image(random_size(stream, 40), stream);
    const double factor = stream.uniform(0, 2);
    ASSERT_EQ(enhance_color(image, factor).pixels,
              plain::blend(plain::grey(image), image, factor).pixels);
    ASSERT_EQ(enhance_contrast(image, factor).pixels,
              plain::blend(plain::flat(image), image, factor).pixels);
    ASSERT_EQ(enhance_brightness(image, factor).pixels,
              plain::blend(plain::black(image), image, factor).pixels);
    ASSERT_EQ(enhance_sharpness(image, factor).pixels,
              plain::blend(plain::smooth(image), image, factor).pixels);
    const AffineMatrix matrix = random_matrix({image.width, image.height}, stream);
    ASSERT_EQ(transform_affine(image, matrix, kFill).pixels,
              plain::transform_affine(image, matrix, kFill).pixels);
  }
}

}  // namespace
}  // namespace tagalign::data
