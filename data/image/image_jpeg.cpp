#include <turbojpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/format.h"
#include "base/limits.h"
#include "data/image/image.h"
#include "data/image/image_codecs.h"

namespace tagalign::data {
namespace {

struct TurboDeleter {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using TurboHandle = std::unique_ptr<void, TurboDeleter>;

/// libjpeg's accurate integer DCT and its smooth chroma upsampling, as PIL and OpenCV decode.
constexpr int kDecodeFlags = TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS;

Status broken(const std::string& name, const char* detail) {
  return data_loss(format(
      "read {}: expected a whole JPEG, found one that libjpeg rejects ({}); replace the file", name,
      detail));
}

/// PIL and OpenCV go on after libjpeg's warnings about odd bytes, but a file that
/// ends early is broken.
bool is_fatal(tjhandle handle) {
  return tjGetErrorCode(handle) == TJERR_FATAL ||
         std::string_view(tjGetErrorStr2(handle)).find("Premature end") != std::string_view::npos;
}

Status decompress(tjhandle handle, std::string_view bytes, int format_id, std::uint8_t* target,
                  const std::string& name) {
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  if (tjDecompress2(handle, data, bytes.size(), target, 0, 0, 0, format_id, kDecodeFlags) != 0 &&
      is_fatal(handle)) {
    return broken(name, tjGetErrorStr2(handle));
  }
  return {};
}

std::uint8_t clip_byte(int value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0, 255));
}

/// Pillow: ink values 0 … 255, product rounded to nearest.
void cmyk_to_rgb_pillow(const std::uint8_t* in, bool inverted, std::uint8_t* out) {
  const int paper = 255 - (inverted ? 255 - in[3] : in[3]);
  for (int c = 0; c < 3; ++c) {
    const int ink = inverted ? 255 - in[c] : in[c];
    const int product = ink * paper + 128;
    out[c] = clip_byte(paper - (((product >> 8) + product) >> 8));
  }
}

/// OpenCV: always takes CMYK as inverted, product rounded down.
void cmyk_to_rgb_opencv(const std::uint8_t* in, std::uint8_t* out) {
  for (int c = 0; c < 3; ++c) out[c] = clip_byte(in[3] - (((255 - in[c]) * in[3]) >> 8));
}

void convert_cmyk(const std::vector<std::uint8_t>& cmyk, ReadAs mode, bool inverted,
                  std::vector<std::uint8_t>& rgb) {
  for (std::size_t i = 0; i < cmyk.size() / 4; ++i) {
    if (mode == ReadAs::kTraining)
      cmyk_to_rgb_pillow(&cmyk[i * 4], inverted, &rgb[i * 3]);
    else
      cmyk_to_rgb_opencv(&cmyk[i * 4], &rgb[i * 3]);
  }
}

unsigned byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

/// Orientation from a TIFF block ("II*\0…" or "MM\0*…"); 1 when it has none or is damaged.
int tiff_orientation(std::string_view tiff) {
  if (tiff.size() < 8) return 1;
  const bool little = tiff[0] == 'I';
  const auto u16 = [&](std::size_t at) {
    return little ? byte_at(tiff, at) | byte_at(tiff, at + 1) << 8
                  : byte_at(tiff, at) << 8 | byte_at(tiff, at + 1);
  };
  const std::size_t directory =
      little ? u16(4) | std::size_t{u16(6)} << 16 : std::size_t{u16(4)} << 16 | u16(6);
  if (directory > tiff.size() || tiff.size() - directory < 2) return 1;
  const std::size_t entries = u16(directory);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    if (entry + 12 > tiff.size()) return 1;
    if (u16(entry) != 0x0112) continue;
    const unsigned value = u16(entry + 8);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace

JpegMarkers scan_jpeg_markers(std::string_view bytes) {
  JpegMarkers found;
  std::size_t at = 2;
  while (at + 4 <= bytes.size() && byte_at(bytes, at) == 0xff) {
    const unsigned marker = byte_at(bytes, at + 1);
    if (marker == 0xff) {
      ++at;
      continue;
    }
    const std::size_t length = byte_at(bytes, at + 2) << 8 | byte_at(bytes, at + 3);
    if (marker == 0xda || marker == 0xd9 || length < 2 || at + 2 + length > bytes.size()) break;
    const std::string_view body = bytes.substr(at + 4, length - 2);
    if (marker == 0xe1 && body.starts_with(std::string_view("Exif\0\0", 6)))
      found.orientation = tiff_orientation(body.substr(6));
    if (marker == 0xee && body.starts_with("Adobe")) found.adobe = true;
    at += 2 + length;
  }
  return found;
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

Result<Image> decode_jpeg(std::string_view bytes, ReadAs mode, const std::string& name) {
  const TurboHandle handle(tjInitDecompress());
  TA_CHECK(handle != nullptr);
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  Image image;
  int subsampling = 0;
  int space = 0;
  if (tjDecompressHeader3(handle.get(), data, bytes.size(), &image.width, &image.height,
                          &subsampling, &space) != 0 &&
      is_fatal(handle.get())) {
    return broken(name, tjGetErrorStr2(handle.get()));
  }
  if (image.width <= 0 || image.height <= 0) return broken(name, "no pixels");
  const auto pixels =
      static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height);
  if (pixels > limits::kImagePixelsMax) {
    return invalid_argument(
        format("read {}: {} x {} pixels are more than the limit of {}; use a smaller image", name,
               image.width, image.height, limits::kImagePixelsMax));
  }
  const JpegMarkers markers = scan_jpeg_markers(bytes);
  image.pixels.resize(pixels * 3);
  if (space == TJCS_CMYK || space == TJCS_YCCK) {
    std::vector<std::uint8_t> cmyk(pixels * 4);
    TA_RETURN_IF_ERROR(decompress(handle.get(), bytes, TJPF_CMYK, cmyk.data(), name));
    convert_cmyk(cmyk, mode, markers.adobe, image.pixels);
  } else {
    TA_RETURN_IF_ERROR(decompress(handle.get(), bytes, TJPF_RGB, image.pixels.data(), name));
  }
  if (mode == ReadAs::kEvaluation) image = apply_orientation(std::move(image), markers.orientation);
  return image;
}

std::string encode_jpeg(const Image& image, int quality) {
  TA_CHECK(image.channels == 1 || image.channels == 3);
  TA_CHECK(image.width > 0 && image.height > 0 && quality >= 1 && quality <= 100);
  const TurboHandle handle(tjInitCompress());
  TA_CHECK(handle != nullptr);
  unsigned char* bytes = nullptr;
  unsigned long length = 0;
  const int result =
      tjCompress2(handle.get(), image.pixels.data(), image.width, 0, image.height,
                  image.channels == 3 ? TJPF_RGB : TJPF_GRAY, &bytes, &length,
                  image.channels == 3 ? TJSAMP_420 : TJSAMP_GRAY, quality, TJFLAG_ACCURATEDCT);
  const std::unique_ptr<unsigned char, decltype(&tjFree)> owner(bytes, &tjFree);
  TA_CHECK(result == 0, tjGetErrorStr2(handle.get()));
  return {reinterpret_cast<const char*>(bytes), length};
}

}  // namespace tagalign::data
