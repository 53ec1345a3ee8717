#include <turbojpeg.h>

#include <memory>

#include "data/image/image.h"

namespace tagalign::data {
namespace {

struct TurboDeleter {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using TurboHandle = std::unique_ptr<void, TurboDeleter>;

}  // namespace

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
