#include "data/image/contact_sheet.h"

#include <algorithm>
#include <array>

namespace tagalign::data {
namespace {

std::size_t pixel_offset(const Image& image, int x, int y) {
  return (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
          static_cast<std::size_t>(x)) *
         static_cast<std::size_t>(image.channels);
}

void paste(const Image& image, int left, int top, Image& sheet) {
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const std::uint8_t* from = &image.pixels[pixel_offset(image, x, y)];
      std::uint8_t* to = &sheet.pixels[pixel_offset(sheet, left + x, top + y)];
      for (int c = 0; c < 3; ++c) to[c] = from[image.channels == 3 ? c : 0];
    }
  }
}

/// Class 0 … 15 by hand, far apart; further ones by mixing bits, so that neighbours differ.
std::array<std::uint8_t, 3> class_color(unsigned id) {
  constexpr std::array<std::array<std::uint8_t, 3>, 16> kFirst{{{135, 190, 255},
                                                                {60, 170, 60},
                                                                {230, 200, 130},
                                                                {20, 70, 170},
                                                                {235, 235, 245},
                                                                {170, 80, 60},
                                                                {0, 90, 40},
                                                                {230, 30, 40},
                                                                {150, 100, 50},
                                                                {255, 215, 0},
                                                                {0, 170, 170},
                                                                {255, 110, 190},
                                                                {120, 120, 120},
                                                                {130, 70, 190},
                                                                {255, 140, 0},
                                                                {100, 255, 150}}};
  if (id < kFirst.size()) return kFirst[id];
  std::array<unsigned, 3> color{};
  for (unsigned bit = 0, rest = id; bit < 8; ++bit, rest >>= 3) {
    for (unsigned c = 0; c < 3; ++c) color[c] |= (rest >> c & 1U) << (7 - bit);
  }
  return {static_cast<std::uint8_t>(color[0] | 32U), static_cast<std::uint8_t>(color[1] | 32U),
          static_cast<std::uint8_t>(color[2] | 32U)};
}

}  // namespace

Image contact_sheet(const std::vector<std::vector<Image>>& rows, int gap) {
  TA_CHECK(gap >= 0);
  Image sheet{0, gap, 3, {}};
  for (const std::vector<Image>& row : rows) {
    TA_CHECK(!row.empty());
    int width = gap;
    for (const Image& image : row) {
      TA_CHECK(image.height == row.front().height, "images of a row differ in height");
      width += image.width + gap;
    }
    sheet.width = std::max(sheet.width, width);
    sheet.height += row.front().height + gap;
  }
  TA_CHECK(sheet.width > 0);
  sheet.pixels.assign(
      static_cast<std::size_t>(sheet.width) * static_cast<std::size_t>(sheet.height) * 3, 255);
  int top = gap;
  for (const std::vector<Image>& row : rows) {
    int left = gap;
    for (const Image& image : row) {
      paste(image, left, top, sheet);
      left += image.width + gap;
    }
    top += row.front().height + gap;
  }
  return sheet;
}

Image colorize(const LabelMap& label, int classes) {
  Image image{label.width, label.height, 3, {}};
  image.pixels.reserve(label.ids.size() * 3);
  for (const std::uint16_t id : label.ids) {
    const auto color = id < classes ? class_color(id) : std::array<std::uint8_t, 3>{};
    image.pixels.insert(image.pixels.end(), color.begin(), color.end());
  }
  return image;
}

}  // namespace tagalign::data
