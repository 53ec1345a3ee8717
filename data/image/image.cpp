#include "data/image/image.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/format.h"
#include "base/limits.h"
#include "data/image/codecs/image_codecs.h"

namespace tagalign::data {

Result<Image> decode_image(std::string_view bytes, ReadAs mode, const std::string& name) {
  if (is_jpeg(bytes)) return decode_jpeg(bytes, mode, name);
  if (is_png(bytes)) return decode_png(bytes, mode, name);
  if (is_webp(bytes)) return decode_webp(bytes, mode, name);
  if (is_gif(bytes)) return decode_gif(bytes, mode, name);
  return not_an_image(bytes, "a JPEG, PNG, WebP or GIF image", name);
}

Result<ImageRegion> decode_region(std::string_view bytes, const std::string& name,
                                  const ChooseBox& choose, Size at_least) {
  if (is_jpeg(bytes)) return decode_jpeg_region(bytes, name, choose, at_least);
  TA_ASSIGN_OR_RETURN(Image image, decode_image(bytes, ReadAs::kTraining, name));
  const CropBox box = choose({image.width, image.height});
  return ImageRegion{std::move(image), box};
}

Result<Image> read_image(FileSystem& files, const Path& path, ReadAs mode) {
  TA_ASSIGN_OR_RETURN(const std::string bytes, files.read_file(path, limits::kImageFileBytesMax));
  return decode_image(bytes, mode, path.string());
}

Result<LabelMap> read_label_png(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(const std::string bytes, files.read_file(path, limits::kImageFileBytesMax));
  return decode_label_png(bytes, path.string());
}

Size keep_ratio_size(Size size, int short_side, int long_side_max) {
  TA_CHECK(size.width > 0 && size.height > 0 && short_side > 0 && long_side_max > 0);
  const double longest = std::max(short_side, long_side_max);
  const double shortest = std::min(short_side, long_side_max);
  const double scale = std::min(longest / std::max(size.width, size.height),
                                shortest / std::min(size.width, size.height));
  return {std::max(1, static_cast<int>(size.width * scale + 0.5)),
          std::max(1, static_cast<int>(size.height * scale + 0.5))};
}

Size limit_pixels(Size size, int pixels_max, int side) {
  TA_CHECK(size.width > 0 && size.height > 0 && pixels_max > 0 && side > 0);
  if (std::int64_t{size.width} * size.height <= pixels_max) return size;
  const int longest = std::max(size.width, size.height);
  const auto shorten = [&](int length) {
    const double wanted = static_cast<double>(side) * length / longest;
    return length == longest ? side : std::max(1, static_cast<int>(wanted));
  };
  return {shorten(size.width), shorten(size.height)};
}

std::vector<float> normalize_planar(const Image& image, const ColorStatistics& colors) {
  TA_CHECK(image.channels == 3);
  const std::size_t plane =
      static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  std::vector<float> out(plane * 3);
  for (std::size_t c = 0; c < 3; ++c) {
    std::array<float, 256> table;
    for (std::size_t value = 0; value < 256; ++value) {
      table[value] = static_cast<float>(
          static_cast<double>(static_cast<float>(value) - colors.mean[c]) / colors.deviation[c]);
    }
    for (std::size_t i = 0; i < plane; ++i) out[c * plane + i] = table[image.pixels[i * 3 + c]];
  }
  return out;
}

}  // namespace tagalign::data
