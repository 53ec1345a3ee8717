#include "data/pack/packed_image.h"

#include <algorithm>

#include "data/image/image.h"
#include "data/image/pillow.h"
#include "data/sources/archives/archive_names.h"

namespace tagalign::data {
namespace {

/// Rounded as img2dataset and torchvision do: the long side is cut to a whole number.
Image shrunk(const Image& image, int short_side) {
  const int shorter = std::min(image.width, image.height);
  if (shorter <= short_side) return image;
  const auto side = [&](int length) {
    const auto wide = static_cast<std::int64_t>(length) * short_side;
    return std::max(1, static_cast<int>(wide / shorter));
  };
  return resize_bicubic_pillow(image, side(image.width), side(image.height));
}

}  // namespace

Result<std::string> packed_image(std::string_view bytes, const PackedSize& size,
                                 const std::string& name) {
  TA_ASSIGN_OR_RETURN(const Image image, decode_image(bytes, ReadAs::kTraining, name));
  if (size.short_side == 0) return std::string(bytes);
  return encode_jpeg(shrunk(image, size.short_side), size.quality);
}

std::string packed_name(std::string_view file) {
  std::string name;
  for (std::string_view rest = plain_name(file); !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    if (part.empty() || part == "." || part == "..") continue;
    if (!name.empty()) name += '/';
    name += part;
  }
  return is_image_name(name) ? name : name + ".jpg";
}

}  // namespace tagalign::data
