#include <algorithm>
#include <array>
#include <cctype>

#include "base/format.h"
#include "base/limits.h"
#include "data/image/codecs/image_codecs.h"

namespace tagalign::data {
namespace {

using namespace std::string_view_literals;

/// What lies at a place in a file of a format that is not read.
struct Signature {
  std::size_t at;
  std::string_view bytes;
  std::string_view name;
};

constexpr std::array kSignatures = {
    Signature{0, "\xff\xd8\xff"sv, "a JPEG image"},
    Signature{0, "\x89PNG\r\n\x1a\n"sv, "a PNG image"},
    Signature{0, "GIF87a"sv, "a GIF image"},
    Signature{0, "GIF89a"sv, "a GIF image"},
    Signature{8, "WEBP"sv, "a WebP image"},
    Signature{0, "BM"sv, "a BMP image"},
    Signature{0, "II*\0"sv, "a TIFF image"},
    Signature{0, "MM\0*"sv, "a TIFF image"},
    Signature{4, "ftypavif"sv, "an AVIF image"},
    Signature{4, "ftypavis"sv, "an AVIF image"},
    Signature{4, "ftyphei"sv, "a HEIC image"},
    Signature{4, "ftypmif1"sv, "a HEIF image"},
    Signature{0, "\xff\x0a"sv, "a JPEG XL image"},
    Signature{4, "JXL \r\n\x87\n"sv, "a JPEG XL image"},
    Signature{4, "jP  \r\n\x87\n"sv, "a JPEG 2000 image"},
    Signature{0, "\xff\x4f\xff\x51"sv, "a JPEG 2000 image"},
    Signature{0, "8BPS"sv, "a Photoshop image"},
    Signature{0, "\0\0\1\0"sv, "an icon"},
    Signature{0, "%PDF"sv, "a PDF document"},
    Signature{0, "\x1f\x8b"sv, "a gzip file"},
    Signature{0, "PK\3\4"sv, "a zip file"},
    Signature{0, "version https://git-lfs"sv,
              "a pointer of Git LFS (git lfs pull brings the file)"},
};

/// "<!DOCTYPE html", "<svg", "<?xml …": what a download leaves in place of a picture.
std::string_view markup_name(std::string_view bytes) {
  std::string start;
  for (const char c : bytes.substr(0, 512))
    start += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::size_t first = start.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first == std::string::npos || start[first] != '<') return "";
  if (start.find("<svg") != std::string::npos) return "an SVG drawing";
  if (start.find("html") != std::string::npos) return "an HTML page";
  return "a text in XML";
}

std::string what_it_is(std::string_view bytes) {
  for (const Signature& known : kSignatures) {
    if (bytes.size() > known.at && bytes.substr(known.at).starts_with(known.bytes))
      return std::string(known.name);
  }
  if (const std::string_view name = markup_name(bytes); !name.empty()) return std::string(name);
  std::string start;
  for (const char c : bytes.substr(0, 4)) start += format("{:02x} ", static_cast<unsigned char>(c));
  start.pop_back();
  return "a file that starts with " + start;
}

}  // namespace

Status not_an_image(std::string_view bytes, std::string_view expected, const std::string& name) {
  if (bytes.empty())
    return data_loss(
        format("read {}: expected {}, found an empty file; replace it", name, expected));
  return data_loss(format("read {}: expected {}, found {}; convert or replace it", name, expected,
                          what_it_is(bytes)));
}

Status check_pixels(std::uint64_t width, std::uint64_t height, const std::string& name) {
  if (width == 0 || height == 0)
    return data_loss(format("read {}: expected an image, found {} x {} pixels; replace the file",
                            name, width, height));
  if (width <= limits::kImagePixelsMax / height) return {};
  return invalid_argument(
      format("read {}: {} x {} pixels are more than the limit of {}; use a smaller image", name,
             width, height, limits::kImagePixelsMax));
}

}  // namespace tagalign::data
