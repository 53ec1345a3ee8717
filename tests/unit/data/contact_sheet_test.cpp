#include "data/image/contact_sheet.h"

#include <gtest/gtest.h>

namespace tagalign::data {
namespace {

TEST(ContactSheet, TwoRows_AreSetWithGaps) {
  const Image red{2, 1, 3, {255, 0, 0, 255, 0, 0}};
  const Image grey{1, 1, 1, {7}};
  const Image sheet = contact_sheet({{red, grey}, {grey}}, 1);
  ASSERT_EQ(sheet.width, 1 + 2 + 1 + 1 + 1);
  ASSERT_EQ(sheet.height, 1 + 1 + 1 + 1 + 1);
  const auto pixel = [&](int x, int y) {
    const auto at = sheet.pixels.begin() + (y * sheet.width + x) * 3;
    return std::vector<int>(at, at + 3);
  };
  EXPECT_EQ(pixel(0, 0), (std::vector<int>{255, 255, 255}));
  EXPECT_EQ(pixel(2, 1), (std::vector<int>{255, 0, 0}));
  EXPECT_EQ(pixel(4, 1), (std::vector<int>{7, 7, 7}));
  EXPECT_EQ(pixel(1, 3), (std::vector<int>{7, 7, 7}));
  EXPECT_EQ(pixel(4, 3), (std::vector<int>{255, 255, 255}));
}

TEST(Colorize, ClassesHaveDifferentColours_AndIgnoredIsBlack) {
  LabelMap label{20, 1, {}};
  for (std::uint16_t id = 0; id < 20; ++id) label.ids.push_back(id);
  const Image image = colorize(label, 19);
  for (std::size_t a = 0; a < 20; ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      EXPECT_FALSE(std::equal(&image.pixels[a * 3], &image.pixels[a * 3] + 3, &image.pixels[b * 3]))
          << a << " " << b;
    }
  }
  EXPECT_EQ(image.pixels[57] + image.pixels[58] + image.pixels[59], 0);
}

}  // namespace
}  // namespace tagalign::data
