/// Small images for tests.
#pragma once

#include <turbojpeg.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"
#include "data/image/image.h"

namespace tagalign::data {

/// Smooth in both directions, so that JPEG changes it little; `shade` tells images apart.
inline Image sample_image(int width, int height, int shade = 0) {
  Image image{width, height, 3, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (const int value : {x * 200 / width, y * 200 / height, shade})
        image.pixels.push_back(static_cast<std::uint8_t>(value));
    }
  }
  return image;
}

/// Every byte by chance, over a slope in each direction: edges and bounds everywhere.
inline Image noisy_image(Size size, RandomStream& stream) {
  Image image = sample_image(size.width, size.height, 90);
  const auto strength = static_cast<int>(1 + stream.below(128));
  for (std::uint8_t& byte : image.pixels) {
    const int noise = static_cast<int>(stream.next_u32() % 255) * strength / 128 - strength;
    byte = static_cast<std::uint8_t>(std::clamp(byte + noise, 0, 255));
  }
  return image;
}

/// A CMYK JPEG with the value 60 in all channels and an Adobe marker: 60 is what is left of
/// 255 after the ink.
inline std::string cmyk_jpeg(int width, int height) {
  const std::vector<unsigned char> ink(static_cast<std::size_t>(width * height) * 4, 60);
  tjhandle handle = tjInitCompress();
  unsigned char* bytes = nullptr;
  unsigned long length = 0;
  tjCompress2(handle, ink.data(), width, 0, height, TJPF_CMYK, &bytes, &length, TJSAMP_444, 95, 0);
  std::string text(reinterpret_cast<char*>(bytes), length);
  tjFree(bytes);
  tjDestroy(handle);
  return text;
}

inline std::string progressive_jpeg(const Image& image) {
  tjhandle handle = tjInitCompress();
  unsigned char* bytes = nullptr;
  unsigned long length = 0;
  tjCompress2(handle, image.pixels.data(), image.width, 0, image.height, TJPF_RGB, &bytes, &length,
              TJSAMP_420, 90, TJFLAG_PROGRESSIVE);
  std::string text(reinterpret_cast<char*>(bytes), length);
  tjFree(bytes);
  tjDestroy(handle);
  return text;
}

/// A 16-bit grey PNG whose pixels all have the value 0xC0 in their upper byte.
inline std::string sixteen_bit_png(int width, int height) {
  return encode_label_png(
      {width, height,
       std::vector<std::uint16_t>(static_cast<std::size_t>(width * height), 0xC012)});
}

}  // namespace tagalign::data
