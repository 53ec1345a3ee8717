#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>
#include <memory>

#include "base/format.h"
#include "data/image/codecs/exif.h"
#include "data/image/codecs/image_codecs.h"
#include "data/image/image.h"

namespace tagalign::data {
namespace {

struct DemuxerDeleter {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};
using Demuxer = std::unique_ptr<WebPDemuxer, DemuxerDeleter>;

Status broken(const std::string& name, std::string_view detail) {
  return data_loss(format(
      "read {}: expected a whole WebP, found one that libwebp rejects ({}); replace the file", name,
      detail));
}

/// The first frame, in its place on the canvas.
Status decode_frame(const WebPDemuxer& demuxer, Image& canvas, const std::string& name) {
  WebPIterator frame;
  if (WebPDemuxGetFrame(&demuxer, 1, &frame) == 0) return broken(name, "no frame");
  const std::unique_ptr<WebPIterator, decltype(&WebPDemuxReleaseIterator)> owner(
      &frame, &WebPDemuxReleaseIterator);
  const int stride = canvas.width * 3;
  const bool inside = frame.x_offset >= 0 && frame.y_offset >= 0 &&
                      frame.width <= canvas.width - frame.x_offset &&
                      frame.height <= canvas.height - frame.y_offset;
  if (!inside) return broken(name, "a frame beyond its canvas");
  const auto start = static_cast<std::size_t>(frame.y_offset) * static_cast<std::size_t>(stride) +
                     static_cast<std::size_t>(frame.x_offset) * 3;
  if (WebPDecodeRGBInto(frame.fragment.bytes, frame.fragment.size, canvas.pixels.data() + start,
                        canvas.pixels.size() - start, stride) == nullptr)
    return broken(name, "its pixels are damaged");
  return {};
}

/// OpenCV 5: the first EXIF chunk, a bare TIFF block.
int orientation_of(const WebPDemuxer& demuxer) {
  WebPChunkIterator chunk;
  if (WebPDemuxGetChunk(&demuxer, "EXIF", 1, &chunk) == 0) return 1;
  const auto* data = reinterpret_cast<const char*>(chunk.chunk.bytes);
  const auto found = exif_orientation({data, chunk.chunk.size});
  WebPDemuxReleaseChunkIterator(&chunk);
  return found.value_or(1);
}

}  // namespace

bool is_webp(std::string_view bytes) {
  return bytes.size() >= 12 && bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP";
}

Result<Image> decode_webp(std::string_view bytes, ReadAs mode, const std::string& name) {
  const WebPData data{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
  const Demuxer demuxer(WebPDemux(&data));
  if (demuxer == nullptr) return broken(name, "it ends early or its chunks do not fit together");
  const std::uint64_t width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH);
  const std::uint64_t height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT);
  TA_RETURN_IF_ERROR(check_pixels(width, height, name));
  Image image{static_cast<int>(width), static_cast<int>(height), 3, {}};
  image.pixels.resize(width * height * 3);
  TA_RETURN_IF_ERROR(decode_frame(*demuxer, image, name));
  if (mode == ReadAs::kTraining) return image;
  return apply_orientation(std::move(image), orientation_of(*demuxer));
}

}  // namespace tagalign::data
