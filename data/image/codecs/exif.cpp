#include "data/image/codecs/exif.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace tagalign::data {
namespace {

constexpr unsigned kOrientation = 0x0112;
constexpr std::size_t kEntryBytes = 12;

/// A TIFF block in its byte order. Reads outside of it give nothing.
class TiffBlock {
 public:
  explicit TiffBlock(std::string_view bytes) : bytes_(bytes), little_(bytes.starts_with("II")) {}

  std::optional<unsigned> u16(std::size_t at) const {
    if (at + 2 > bytes_.size()) return std::nullopt;
    return little_ ? byte(at) | byte(at + 1) << 8 : byte(at) << 8 | byte(at + 1);
  }
  std::optional<std::size_t> u32(std::size_t at) const {
    if (at + 4 > bytes_.size()) return std::nullopt;
    const std::size_t first = *u16(at), second = *u16(at + 2);
    return little_ ? first | second << 16 : first << 16 | second;
  }
  bool holds(std::size_t at, std::size_t length) const {
    return at <= bytes_.size() && length <= bytes_.size() - at;
  }

 private:
  unsigned byte(std::size_t at) const { return static_cast<unsigned char>(bytes_[at]); }

  std::string_view bytes_;
  bool little_;
};

/// Rationals that an entry of the first directory points to; 0: no such entry.
std::size_t rationals_of(unsigned tag) {
  switch (tag) {
    case 0x011a:  // resolution, x and y
    case 0x011b:
      return 1;
    case 0x013e:  // white point
      return 2;
    case 0x0211:  // YCbCr coefficients
      return 3;
    case 0x013f:  // primary chromaticities
    case 0x0214:  // reference black and white
      return 6;
    default:
      return 0;
  }
}

bool is_text(unsigned tag) {
  constexpr std::array<unsigned, 6> kTexts = {0x010e, 0x010f, 0x0110, 0x0131, 0x0132, 0x8298};
  return std::ranges::find(kTexts, tag) != kTexts.end();
}

/// The entry's data are where it says. Only the kinds that OpenCV follows are looked at.
bool is_sound(const TiffBlock& tiff, std::size_t entry, unsigned tag) {
  const auto count = tiff.u32(entry + 4), offset = tiff.u32(entry + 8);
  if (!count || !offset) return rationals_of(tag) == 0 && !is_text(tag);
  if (is_text(tag)) return *count <= 4 || tiff.holds(*offset, *count);
  return tiff.holds(rationals_of(tag) == 0 ? 0 : *offset, rationals_of(tag) * 8);
}

}  // namespace

std::optional<int> exif_orientation(std::string_view bytes) {
  const TiffBlock tiff(bytes);
  if (bytes.size() < 8 || bytes[0] != bytes[1] || tiff.u16(2) != 42U) return std::nullopt;
  const std::size_t directory = *tiff.u32(4);
  const std::size_t entries = tiff.u16(directory).value_or(0);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + kEntryBytes * i;
    const auto tag = tiff.u16(entry);
    if (!tag || !is_sound(tiff, entry, *tag)) return std::nullopt;
    if (*tag != kOrientation) continue;
    const auto value = tiff.u16(entry + 8);
    return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
  }
  return std::nullopt;
}

Image apply_orientation(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool transposed = orientation >= 5;
  const bool mirror_x =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool mirror_y =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image out = image;
  if (transposed) std::swap(out.width, out.height);
  // (x, y) of the result comes from (a, b) of the stored image.
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      int a = transposed ? y : x;
      int b = transposed ? x : y;
      if (mirror_x) a = image.width - 1 - a;
      if (mirror_y) b = image.height - 1 - b;
      const auto channels = static_cast<std::size_t>(image.channels);
      const auto from = (static_cast<std::size_t>(b) * static_cast<std::size_t>(image.width) +
                         static_cast<std::size_t>(a)) *
                        channels;
      const auto to = (static_cast<std::size_t>(y) * static_cast<std::size_t>(out.width) +
                       static_cast<std::size_t>(x)) *
                      channels;
      std::copy_n(&image.pixels[from], channels, &out.pixels[to]);
    }
  }
  return out;
}

}  // namespace tagalign::data
