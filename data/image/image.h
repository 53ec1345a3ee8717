/// Decoded images and the readers of image files, treated as the reference's readers treat them.
///
/// Pixels are interleaved, row-major, 8 bits a channel. Errors name the file. Functions are pure
/// and safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::data {

struct Image {
  int width = 0;
  int height = 0;
  int channels = 3;                  ///< 3: RGB; 1: grey or labels
  std::vector<std::uint8_t> pixels;  // [height, width, channels]
};

/// One integer a pixel: class index, ids above 255 possible.
struct LabelMap {
  int width = 0;
  int height = 0;
  std::vector<std::uint16_t> ids;  // [height, width]
};

enum class ReadAs {
  kTraining,    ///< like PIL's convert("RGB"): EXIF rotation is not applied
  kEvaluation,  ///< like OpenCV's imread: EXIF rotation is applied
};

struct Size {
  int width = 0;
  int height = 0;
};

struct CropBox {
  int top = 0;
  int left = 0;
  int height = 0;
  int width = 0;
};

/// JPEG or PNG (8- or 16-bit, grey, palette, RGBA: alpha dropped; CMYK) by
/// its first bytes, always to RGB. kDataLoss for broken, empty or foreign
/// files; kInvalidArgument above limits::kImagePixelsMax.
Result<Image> decode_image(std::string_view bytes, ReadAs mode, const std::string& name);
/// What was decoded of an image, and where in it the box lies that was asked for.
struct ImageRegion {
  Image image;
  CropBox box;      ///< in pixels of the file, from `image`'s corner on
  int reduced = 1;  ///< pixels of the file, across and down, that one of `image` stands for
};
/// A box of somebody else's image; both as in ImageRegion.
struct BoxView {
  const Image& image;
  CropBox box;
  int reduced = 1;
};
/// Tells the box, within the image, from the image's size.
using ChooseBox = std::function<CropBox(Size)>;
/// decode_image() for training, of which only the pixels of the box are needed: those are the same,
/// and so is whether the file is broken, wherever the fault lies. Baseline JPEGs decode little
/// else. `choose` is called once, unless the file's head is broken.
///
/// Where `at_least` is given, a JPEG is decoded at the smallest of the scales 1, 1/2, 1/4 and 1/8 at
/// which the box is still as large as that: other pixels, though the same on every machine.
Result<ImageRegion> decode_region(std::string_view bytes, const std::string& name,
                                  const ChooseBox& choose, Size at_least = {});
Result<Image> read_image(FileSystem& files, const Path& path, ReadAs mode);

/// 8- or 16-bit grey or palette PNG: the stored index itself. RGB PNG (ImageNet-S): R + 256·G.
Result<LabelMap> decode_label_png(std::string_view bytes, const std::string& name);
Result<LabelMap> read_label_png(FileSystem& files, const Path& path);

/// PNG bytes of a grey or RGB image. Fixed settings: equal pixels give equal bytes for one version
/// of zlib; the decoded pixels are the same for all.
std::string encode_png(const Image& image);
/// Grey PNG, 8 bits, or 16 when an id is above 255.
std::string encode_label_png(const LabelMap& label);
/// JPEG bytes, 4:2:0; `quality` 1 … 100.
std::string encode_jpeg(const Image& image, int quality);

/// OpenCV's resize with INTER_LINEAR on uint8 (fixed point), byte for byte.
Image resize_bilinear_opencv(const Image& image, int width, int height);
/// Size after mmcv's imrescale: ratio kept, short side `short_side`, long
/// side at most `long_side_max`.
Size keep_ratio_size(Size size, int short_side, int long_side_max);
/// ImageNet-S: an image of more than `pixels_max` gets a longer side of `side`, the shorter one
/// truncated; others keep their size.
Size limit_pixels(Size size, int pixels_max, int side);
/// OpenCV's resize with INTER_NEAREST.
LabelMap resize_nearest_opencv(const LabelMap& label, int width, int height);

/// Mean and deviation of red, green and blue in 0…255.
struct ColorStatistics {
  std::array<float, 3> mean;
  std::array<double, 3> deviation;
};
inline constexpr ColorStatistics kImageNetColors = {{123.675F, 116.28F, 103.53F},
                                                    {58.395, 57.12, 57.375}};
/// Those that CLIP was trained with, 255 times those of its code.
inline constexpr ColorStatistics kClipColors = {{122.7709383F, 116.7460125F, 104.0937362F},
                                                {68.5005327, 66.6321579, 70.3231631}};
/// The same to three digits, as the authors of the training-free heads wrote them.
inline constexpr ColorStatistics kClipRoundedColors = {{122.771F, 116.746F, 104.094F},
                                                       {68.501, 66.632, 70.323}};

/// Planar: [3, height, width].
std::vector<float> normalize_planar(const Image& image,
                                    const ColorStatistics& colors = kImageNetColors);

}  // namespace tagalign::data
