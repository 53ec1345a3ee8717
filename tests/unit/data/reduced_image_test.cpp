// JPEGs that are decoded smaller than they are: how much smaller, which pixels, and that neither
// the box nor the machine changes them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/checksum.h"
#include "base/format.h"
#include "data/image/pillow.h"
#include "tests/unit/data/image_samples.h"
#include "tests/unit/data/jpeg_forms.h"
#include "tests/unit/data/plain_augment.h"

namespace tagalign::data {
namespace {

RandomStream test_stream(std::uint64_t number) {
  return RandomStream({9, 0, number}, StreamPurpose::kTest);
}

int below(RandomStream& stream, int count) {
  return static_cast<int>(stream.below(static_cast<std::uint64_t>(count)));
}

Result<ImageRegion> reduced(const std::string& jpeg, const CropBox& box, Size at_least) {
  return decode_region(
      jpeg, "a.jpg", [&](Size) { return box; }, at_least);
}

CropBox all_of(Size size) {
  return {0, 0, size.height, size.width};
}

TEST(ReducedImage, Scale_IsTheSmallestAtWhichTheBoxHoldsTheSize) {
  RandomStream stream = test_stream(0);
  const std::string jpeg = jpeg_of(noisy_image({700, 500}, stream), {});
  const auto by = [&](int height, int width, Size at_least) {
    return reduced(jpeg, {3, 5, height, width}, at_least)->reduced;
  };
  EXPECT_EQ(by(63, 64, {32, 32}), 1);
  EXPECT_EQ(by(64, 63, {32, 32}), 1);
  EXPECT_EQ(by(64, 64, {32, 32}), 2);
  EXPECT_EQ(by(127, 500, {32, 32}), 2);
  EXPECT_EQ(by(128, 500, {32, 32}), 4);
  EXPECT_EQ(by(128, 500, {16, 16}), 8);
  EXPECT_EQ(by(490, 690, {1, 1}), 8);
  EXPECT_EQ(by(490, 690, {}), 1);
}

TEST(ReducedImage, AnyFormAndBox_GivesThePixelsOfTheWholeAtThatScale) {
  int smaller = 0;
  for (std::uint64_t number = 1; number < 500; ++number) {
    RandomStream stream = test_stream(number);
    const Size size{1 + below(stream, 200), 1 + below(stream, 200)};
    JpegForm form{.components = stream.chance(0.2) ? 1 : 3};
    form.across = 1 + below(stream, 2);
    form.down = 1 + below(stream, 2);
    form.progressive = stream.chance(0.2);
    form.restart_blocks = stream.chance(0.3) ? 1 + below(stream, 9) : 0;
    const std::string jpeg = jpeg_of(noisy_image(size, stream), form);
    for (const int by : {1, 2, 4, 8}) {
      if (size.width < by || size.height < by) continue;
      const auto whole = reduced(jpeg, all_of(size), {size.width / by, size.height / by});
      ASSERT_TRUE(whole.ok()) << whole.status().to_string();
      CropBox box{below(stream, size.height - by + 1), below(stream, size.width - by + 1), 0, 0};
      box.height = by + below(stream, size.height - box.top - by + 1);
      box.width = by + below(stream, size.width - box.left - by + 1);
      const auto part = reduced(jpeg, box, {box.width / by, box.height / by});
      ASSERT_TRUE(part.ok()) << part.status().to_string();
      if (whole->reduced != part->reduced) continue;
      smaller += part->reduced > 1 ? 1 : 0;
      const Size out{std::max(1, box.width / by), std::max(1, box.height / by)};
      ASSERT_EQ(
          resize_box_pillow({part->image, part->box, part->reduced}, out, false).pixels,
          resize_box_pillow({whole->image, box, whole->reduced}, out, false).pixels)
          << format("{}: {} x {} by {}, box {} {} {} {}", number, size.width, size.height, by,
                    box.top, box.left, box.height, box.width);
    }
  }
  EXPECT_GT(smaller, 500);
}

TEST(ReducedImage, CutAnywhere_IsAsBrokenAsTheWhole) {
  RandomStream stream = test_stream(2);
  const Image image = noisy_image({64, 96}, stream);
  for (const JpegForm& form : {JpegForm{}, JpegForm{.across = 1, .down = 1},
                               JpegForm{.restart_blocks = 2}, JpegForm{.progressive = true}}) {
    const std::string jpeg = jpeg_of(image, form);
    for (std::size_t length = 0; length <= jpeg.size(); length += 1 + length % 5) {
      const std::string cut = jpeg.substr(0, length);
      const bool broken = !decode_image(cut, ReadAs::kTraining, "a.jpg").ok();
      for (const int by : {2, 4, 8}) {
        const auto part = reduced(cut, {8, 8, 40, 48}, {40 / by, 40 / by});
        ASSERT_EQ(!part.ok(), broken) << length << " by " << by;
      }
    }
  }
}

/// Differences of what a crop becomes, exact and reduced.
struct Deviation {
  double mean = 0;      ///< of the differences with their signs: a shift of the picture shows here
  double absolute = 0;  ///< of their absolute values
};

Deviation deviation(const std::string& jpeg, const CropBox& box, int by, Size size) {
  const Image whole = decode_image(jpeg, ReadAs::kTraining, "a.jpg").value();
  const auto small = reduced(jpeg, box, size).value();
  EXPECT_EQ(small.reduced, by);
  const Image exact = resize_box_pillow({whole, box}, size, true);
  const Image fast = resize_box_pillow({small.image, small.box, small.reduced}, size, true);
  Deviation found;
  for (std::size_t i = 0; i < exact.pixels.size(); ++i) {
    const int difference = int{fast.pixels[i]} - int{exact.pixels[i]};
    found.mean += difference / static_cast<double>(exact.pixels.size());
    found.absolute += std::abs(difference) / static_cast<double>(exact.pixels.size());
  }
  return found;
}

// Slopes of about a quarter of a level a pixel, so that rounding evens out: a box that is taken half
// a reduced pixel aside would show as half a level or more at 1/8.
TEST(ReducedImage, Slopes_KeepTheirPlace) {
  const std::string jpeg = encode_jpeg(sample_image(837, 811, 90), 95);
  for (const int by : {2, 4, 8}) {
    for (const int offset : {0, 1, 3, 5, 7}) {
      const Deviation found =
          deviation(jpeg, {offset, offset + 1, 60 * by, 61 * by}, by, {60, 60});
      EXPECT_LT(std::abs(found.mean), 0.25) << by << " " << offset;
      EXPECT_LT(found.absolute, 0.5) << by << " " << offset;
    }
  }
}

// libjpeg promises the same integers with and without a processor's vectors.
TEST(ReducedImage, Bits_AreTheSameOnEveryMachine) {
  RandomStream stream = test_stream(3);
  const std::string jpeg = jpeg_of(noisy_image({160, 120}, stream), {});
  std::string digests;
  for (const int by : {2, 4, 8}) {
    const auto small = reduced(jpeg, {0, 0, 120, 160}, {120 / by, 120 / by}).value();
    ASSERT_EQ(small.reduced, by);
    digests += digest128(as_bytes(std::string_view(
                             reinterpret_cast<const char*>(small.image.pixels.data()),
                             small.image.pixels.size())))
                   .hex()
                   .substr(0, 8) +
               " ";
  }
  EXPECT_EQ(digests, "c68212b7 fe6dabf7 aee0c8a7 ");
}

}  // namespace
}  // namespace tagalign::data
