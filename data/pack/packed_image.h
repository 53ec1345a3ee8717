/// What becomes of one image in a packed shard. For data/pack.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace tagalign::data {

struct PackedSize {
  int short_side = 256;  ///< larger images shrink to it; 0: files stay as they are
  int quality = 90;      ///< of the JPEG
};

/// The file to pack. Decodes the image in any case, as the training would: the error of an image
/// that cannot be decoded names it. Shrinks by Pillow's bicubic filter; images that are small enough
/// are encoded too, so that all are JPEGs. Pure; any thread.
Result<std::string> packed_image(std::string_view bytes, const PackedSize& size,
                                 const std::string& name);

/// The name in the shard: that of the record, without what leads out of a folder, and with ".jpg"
/// behind it where it would not be taken for an image. Tags are found by it as before; what an
/// image holds is told by its bytes.
std::string packed_name(std::string_view file);

}  // namespace tagalign::data
