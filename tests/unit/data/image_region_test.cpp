// Part of an image: the pixels of the whole one, and the same files are broken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "tests/unit/data/image_samples.h"
#include "tests/unit/data/jpeg_forms.h"
#include "tests/unit/data/plain_augment.h"

namespace tagalign::data {
namespace {

RandomStream test_stream(std::uint64_t number) {
  return RandomStream({6, 0, number}, StreamPurpose::kTest);
}

int below(RandomStream& stream, int count) {
  return static_cast<int>(stream.below(static_cast<std::uint64_t>(count)));
}

CropBox random_box(Size size, RandomStream& stream) {
  CropBox box{below(stream, size.height), below(stream, size.width), 0, 0};
  box.height = 1 + below(stream, size.height - box.top);
  box.width = 1 + below(stream, size.width - box.left);
  return box;
}

/// decode_region() of `box` gives what decode_image() gives, pixels or error.
::testing::AssertionResult same_as_whole(const std::string& bytes, const CropBox& box) {
  const Result<Image> whole = decode_image(bytes, ReadAs::kTraining, "a.jpg");
  const auto region = decode_region(bytes, "a.jpg", [&](Size) { return box; });
  if (whole.ok() != region.ok())
    return ::testing::AssertionFailure()
           << (whole.ok() ? "only the whole is read: " + region.status().message()
                          : "only the part is read; " + whole.status().message());
  if (!whole.ok()) {
    if (whole.status().to_string() == region.status().to_string())
      return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << region.status().to_string();
  }
  if (plain::crop(region->image, region->box).pixels == plain::crop(*whole, box).pixels)
    return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "other pixels";
}

std::string named(const JpegForm& form, Size size, const CropBox& box) {
  return format("{} components, {} x {}, quality {}, restart {}, {} x {} pixels, box {} {} {} {}",
                form.components, form.across, form.down, form.quality, form.restart_blocks,
                size.width, size.height, box.top, box.left, box.height, box.width);
}

JpegForm random_form(RandomStream& stream) {
  JpegForm form;
  const int kind = below(stream, 12);
  form.components = kind == 0 ? 4 : kind < 3 ? 1 : 3;
  form.across = 1 + below(stream, stream.chance(0.1) ? 4 : 2);
  form.down = 1 + below(stream, stream.chance(0.1) ? 4 : 2);
  if (form.across * form.down > 6) form.down = 1;  // a file may hold ten blocks for one of colour
  form.quality = 1 + below(stream, 100);
  form.restart_blocks = stream.chance(0.3) ? 1 + below(stream, 12) : 0;
  form.progressive = stream.chance(0.15);
  form.arithmetic = stream.chance(0.05);
  return form;
}

TEST(DecodeRegion, AnyFormAndBox_GivesThePixelsOfTheWhole) {
  for (std::uint64_t number = 0; number < 700; ++number) {
    RandomStream stream = test_stream(number);
    const Size size{1 + below(stream, 150), 1 + below(stream, 150)};
    const JpegForm form = random_form(stream);
    const std::string jpeg = jpeg_of(noisy_image(size, stream), form);
    for (int i = 0; i < 8; ++i) {
      const CropBox box = random_box(size, stream);
      ASSERT_TRUE(same_as_whole(jpeg, box)) << number << ": " << named(form, size, box);
    }
  }
}

TEST(DecodeRegion, UsualForms_EveryOffsetOfASmallBox_GivesThePixelsOfTheWhole) {
  RandomStream stream = test_stream(0);
  const Size size{61, 75};
  const Image image = noisy_image(size, stream);
  for (const auto& [across, down] : {std::pair{1, 1}, {2, 1}, {1, 2}, {2, 2}}) {
    const std::string jpeg = jpeg_of(image, {.across = across, .down = down});
    for (int top = 0; top < size.height - 3; ++top) {
      for (int left = top % 3; left < size.width - 4; left += 3)
        ASSERT_TRUE(same_as_whole(jpeg, {top, left, 3, 4}))
            << across << down << " " << top << " " << left;
    }
  }
}

TEST(DecodeRegion, OtherFormats_GiveThePixelsOfTheWhole) {
  RandomStream stream = test_stream(1);
  const Image image = noisy_image({40, 30}, stream);
  for (const std::string& bytes :
       {encode_png(image), sixteen_bit_png(40, 30), std::string("GIF89a"), std::string()})
    EXPECT_TRUE(same_as_whole(bytes, {3, 5, 20, 10}));
}

// Whether the missing part lies above, in, beside or below the box does not matter.
TEST(DecodeRegion, CutAnywhere_IsAsBrokenAsTheWhole) {
  RandomStream stream = test_stream(2);
  const Size size{40, 56};
  const Image image = noisy_image(size, stream);
  for (const JpegForm& form :
       {JpegForm{}, JpegForm{.across = 1, .down = 1}, JpegForm{.restart_blocks = 2},
        JpegForm{.progressive = true}, JpegForm{.components = 1, .across = 1, .down = 1}}) {
    const std::string jpeg = jpeg_of(image, form);
    for (std::size_t length = 0; length <= jpeg.size(); length += 1 + length % 3) {
      ASSERT_TRUE(same_as_whole(jpeg.substr(0, length), {20, 6, 9, 11})) << length;
      ASSERT_TRUE(same_as_whole(jpeg.substr(0, length), {0, 0, 2, 40})) << length;
      ASSERT_TRUE(same_as_whole(jpeg.substr(0, length) + "\xff\xd9", {0, 0, 2, 40})) << length;
    }
  }
}

TEST(DecodeRegion, DamagedAnywhere_IsReadAsTheWhole) {
  for (std::uint64_t number = 0; number < 3000; ++number) {
    RandomStream stream = test_stream(10'000 + number);
    const Size size{1 + below(stream, 70), 1 + below(stream, 70)};
    JpegForm form = random_form(stream);
    std::string jpeg = jpeg_of(noisy_image(size, stream), form);
    const std::size_t tables = std::min<std::size_t>(180, jpeg.size() / 2);
    for (int changes = 1 + below(stream, 4); changes > 0; --changes) {
      const std::size_t at = tables + stream.below(jpeg.size() - tables);
      if (stream.chance(0.3))
        jpeg.replace(at, std::min<std::size_t>(2, jpeg.size() - at),
                     stream.chance(0.5) ? "\xff\xd9" : "\xff\xd3");
      else
        jpeg[at] = static_cast<char>(stream.chance(0.3) ? 0xff : stream.next_u32());
    }
    if (stream.chance(0.3)) jpeg.resize(tables + stream.below(jpeg.size() - tables));
    const CropBox box = random_box(size, stream);
    const auto head = decode_image(jpeg, ReadAs::kTraining, "a");
    if (head.ok() && (head->width != size.width || head->height != size.height)) continue;
    ASSERT_TRUE(same_as_whole(jpeg, box)) << number << ": " << named(form, size, box);
  }
}

}  // namespace
}  // namespace tagalign::data
