// jpeglib.h needs size_t and FILE.
#include <cstddef>
#include <cstdio>
// clang-format off
#include <jpeglib.h>
// clang-format on

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <optional>

#include "base/format.h"
#include "data/image/codecs/exif.h"
#include "data/image/codecs/image_codecs.h"
#include "data/image/image.h"

// libjpeg reports errors by longjmp. Every function that calls setjmp below holds only trivially
// destructible locals; what owns memory lives in the caller's struct.
namespace tagalign::data {
namespace {

/// A progressive file may ask for any number of passes over the image.
constexpr int kScansMax = 500;
constexpr const char* kEndsEarly = "the file ends early";

/// What libjpeg points back to.
struct Decoder {
  jpeg_decompress_struct jpeg = {};
  jpeg_error_mgr errors = {};
  jpeg_source_mgr source = {};
  jpeg_progress_mgr progress = {};
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX] = {};

  ReadAs mode = ReadAs::kTraining;
  std::optional<int> orientation;
  std::vector<std::uint8_t> row;  ///< of CMYK: 4 bytes a pixel

  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { jpeg_destroy_decompress(&jpeg); }
};

Decoder& decoder_of(j_common_ptr jpeg) {
  return *static_cast<Decoder*>(jpeg->client_data);
}

[[noreturn]] void give_up(Decoder& decoder, const char* why) {
  std::strncpy(decoder.message, why, sizeof decoder.message - 1);
  std::longjmp(decoder.escape, 1);
}

[[noreturn]] void on_error(j_common_ptr jpeg) {
  Decoder& decoder = decoder_of(jpeg);
  (*jpeg->err->format_message)(jpeg, decoder.message);
  std::longjmp(decoder.escape, 1);
}

/// Pillow and OpenCV go on after libjpeg's warnings about odd bytes.
void on_message(j_common_ptr) {}

void on_progress(j_common_ptr jpeg) {
  Decoder& decoder = decoder_of(jpeg);
  if (jpeg->is_decompressor && decoder.jpeg.input_scan_number > kScansMax)
    give_up(decoder, "more than 500 scans");
}

void do_nothing(j_decompress_ptr) {}

/// All bytes were there from the start: whoever asks for more meets the file's end. libjpeg then
/// suspends, and what it was about to decode is not complete.
boolean at_end(j_decompress_ptr) {
  return FALSE;
}

void skip_bytes(j_decompress_ptr jpeg, long count) {
  if (count <= 0) return;
  const std::size_t skipped = std::min(static_cast<std::size_t>(count), jpeg->src->bytes_in_buffer);
  jpeg->src->next_input_byte += skipped;
  jpeg->src->bytes_in_buffer -= skipped;
}

void set_callbacks(Decoder& decoder, std::string_view bytes) {
  decoder.jpeg.err = jpeg_std_error(&decoder.errors);
  decoder.errors.error_exit = on_error;
  decoder.errors.output_message = on_message;
  decoder.source.init_source = do_nothing;
  decoder.source.fill_input_buffer = at_end;
  decoder.source.skip_input_data = skip_bytes;
  decoder.source.resync_to_restart = jpeg_resync_to_restart;
  decoder.source.term_source = do_nothing;
  decoder.source.next_input_byte = reinterpret_cast<const JOCTET*>(bytes.data());
  decoder.source.bytes_in_buffer = bytes.size();
  decoder.progress.progress_monitor = on_progress;
}

/// OpenCV 5: the first Exif segment that has an orientation.
std::optional<int> orientation_of(const jpeg_decompress_struct& jpeg) {
  constexpr std::string_view kExif("Exif\0\0", 6);
  for (auto* marker = jpeg.marker_list; marker != nullptr; marker = marker->next) {
    std::string_view body(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (!body.starts_with(kExif)) continue;
    if (const auto found = exif_orientation(body.substr(kExif.size()))) return found;
  }
  return std::nullopt;
}

/// False with decoder.message set when libjpeg gives up.
bool read_header(Decoder& decoder, std::string_view bytes) {
  set_callbacks(decoder, bytes);
  decoder.jpeg.client_data = &decoder;
  if (setjmp(decoder.escape) != 0) return false;
  jpeg_create_decompress(&decoder.jpeg);
  decoder.jpeg.src = &decoder.source;
  decoder.jpeg.progress = &decoder.progress;
  if (decoder.mode == ReadAs::kEvaluation) jpeg_save_markers(&decoder.jpeg, JPEG_APP0 + 1, 0xffff);
  if (jpeg_read_header(&decoder.jpeg, TRUE) != JPEG_HEADER_OK) give_up(decoder, kEndsEarly);
  decoder.orientation = orientation_of(decoder.jpeg);
  return true;
}

std::uint8_t clip_byte(int value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0, 255));
}

/// Pillow takes every CMYK JPEG as inverted; ink values 0 … 255, product rounded to nearest.
void cmyk_to_rgb_pillow(const std::uint8_t* in, std::uint8_t* out) {
  const int paper = in[3];
  for (int c = 0; c < 3; ++c) {
    const int product = (255 - in[c]) * paper + 128;
    out[c] = clip_byte(paper - (((product >> 8) + product) >> 8));
  }
}

/// OpenCV does too, product rounded down.
void cmyk_to_rgb_opencv(const std::uint8_t* in, std::uint8_t* out) {
  for (int c = 0; c < 3; ++c) out[c] = clip_byte(in[3] - (((255 - in[c]) * in[3]) >> 8));
}

void convert_row(const Decoder& decoder, std::uint8_t* out) {
  const auto convert = decoder.mode == ReadAs::kTraining ? cmyk_to_rgb_pillow : cmyk_to_rgb_opencv;
  for (std::size_t x = 0; x < decoder.jpeg.output_width; ++x)
    convert(&decoder.row[x * 4], out + x * 3);
}

/// `pixels`: [height, width, 3], filled. False with decoder.message set when libjpeg gives up.
bool read_pixels(Decoder& decoder, std::uint8_t* pixels) {
  if (setjmp(decoder.escape) != 0) return false;
  jpeg_decompress_struct& jpeg = decoder.jpeg;
  const bool cmyk = jpeg.num_components == 4;
  jpeg.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  if (!jpeg_start_decompress(&jpeg)) give_up(decoder, kEndsEarly);
  while (jpeg.output_scanline < jpeg.output_height) {
    std::uint8_t* target = pixels + std::size_t{jpeg.output_scanline} * jpeg.output_width * 3;
    JSAMPROW row = cmyk ? decoder.row.data() : target;
    if (jpeg_read_scanlines(&jpeg, &row, 1) != 1) give_up(decoder, kEndsEarly);
    if (cmyk) convert_row(decoder, target);
  }
  return true;
}

Status broken(const std::string& name, const char* detail) {
  return data_loss(format(
      "read {}: expected a whole JPEG, found one that libjpeg rejects ({}); replace the file", name,
      detail));
}

}  // namespace

bool is_jpeg(std::string_view bytes) {
  return bytes.starts_with("\xff\xd8\xff");
}

Result<Image> decode_jpeg(std::string_view bytes, ReadAs mode, const std::string& name) {
  Decoder decoder;
  decoder.mode = mode;
  if (!read_header(decoder, bytes)) return broken(name, decoder.message);
  const std::uint64_t width = decoder.jpeg.image_width, height = decoder.jpeg.image_height;
  TA_RETURN_IF_ERROR(check_pixels(width, height, name));
  decoder.row.resize(decoder.jpeg.num_components == 4 ? width * 4 : 0);
  Image image{static_cast<int>(width), static_cast<int>(height), 3, {}};
  image.pixels.resize(width * height * 3);
  if (!read_pixels(decoder, image.pixels.data())) return broken(name, decoder.message);
  if (mode == ReadAs::kEvaluation)
    image = apply_orientation(std::move(image), decoder.orientation.value_or(1));
  return image;
}

}  // namespace tagalign::data
