#include "data/image/pillow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tagalign::data {
namespace {

using ::testing::ElementsAre;

/// Two smooth channels, and one that jumps: seven pixels wide, five high.
Image jumping_image() {
  Image image{7, 5, 3, {}};
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      for (const int value : {x * 200 / 7, y * 200 / 5, (x * y * 37 + 50) % 256})
        image.pixels.push_back(static_cast<std::uint8_t>(value));
    }
  }
  return image;
}

// Expected bytes: Image.resize with BICUBIC of Pillow 11.3. Version 13 rounds one of them otherwise.
TEST(ResizeBicubicPillow, Shrunk_GivesPillowsBytes) {
  const Image small = resize_bicubic_pillow(jumping_image(), 3, 2);
  EXPECT_THAT(small.pixels, ElementsAre(20, 34, 75, 85, 34, 108, 150, 34, 122, 20, 126, 105, 85,
                                        126, 135, 150, 126, 149));
}

TEST(ResizeBicubicPillow, ShrunkOneWayAndEnlargedTheOther_GivesPillowsBytes) {
  Image wide = resize_bicubic_pillow(jumping_image(), 9, 4);
  EXPECT_EQ(wide.pixels.size(), 9U * 4U * 3U);
  wide.pixels.resize(9U * 3U);  // the first row
  EXPECT_THAT(wide.pixels, ElementsAre(0, 5, 50, 17, 5, 53, 41, 5, 56, 63, 5, 63, 85, 5, 78, 108, 5,
                                       83, 130, 5, 91, 153, 5, 71, 172, 5, 29));
}

TEST(ResizeBicubicPillow, SameSize_IsTheImage) {
  const Image image = jumping_image();
  EXPECT_EQ(resize_bicubic_pillow(image, image.width, image.height).pixels, image.pixels);
}

TEST(ResizeBicubicPillow, AnySquare_HasItsSize) {
  for (const int side : {1, 2, 64}) {
    const Image square = resize_bicubic_pillow(jumping_image(), side, side);
    EXPECT_EQ(square.width, side);
    EXPECT_EQ(square.height, side);
    EXPECT_EQ(square.pixels.size(), static_cast<std::size_t>(side * side * 3));
  }
}

}  // namespace
}  // namespace tagalign::data
