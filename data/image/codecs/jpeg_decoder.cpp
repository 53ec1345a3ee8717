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
  int reduced = 1;  ///< a pixel is made of this many across and down: 1, 2, 4 or 8
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

/// All bytes were there from the start: whoever asks for more meets the file's end, and what was
/// about to be decoded is not complete. Told to libjpeg, which would suspend, this could be missed:
/// jpeg_skip_scanlines() does not look.
boolean at_end(j_decompress_ptr jpeg) {
  give_up(decoder_of(reinterpret_cast<j_common_ptr>(jpeg)), kEndsEarly);
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
  jpeg_read_header(&decoder.jpeg, TRUE);
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

void start(Decoder& decoder) {
  jpeg_decompress_struct& jpeg = decoder.jpeg;
  jpeg.scale_num = 1;
  jpeg.scale_denom = static_cast<unsigned>(decoder.reduced);
  jpeg.out_color_space = jpeg.num_components == 4 ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&jpeg);
}

void read_row(jpeg_decompress_struct& jpeg, std::uint8_t* into) {
  JSAMPROW row = into;
  if (jpeg_read_scanlines(&jpeg, &row, 1) != 1)
    give_up(decoder_of(reinterpret_cast<j_common_ptr>(&jpeg)), kEndsEarly);
}

/// `pixels`: [height, width, 3], filled. False with decoder.message set when libjpeg gives up.
bool read_pixels(Decoder& decoder, std::uint8_t* pixels) {
  if (setjmp(decoder.escape) != 0) return false;
  jpeg_decompress_struct& jpeg = decoder.jpeg;
  start(decoder);
  while (jpeg.output_scanline < jpeg.output_height) {
    std::uint8_t* target = pixels + std::size_t{jpeg.output_scanline} * jpeg.output_width * 3;
    const bool cmyk = jpeg.num_components == 4;
    read_row(jpeg, cmyk ? decoder.row.data() : target);
    if (cmyk) convert_row(decoder, target);
  }
  return true;
}

// ------------------------------------------------------------------------------- parts of images

/// Pixels on either side of the box that its own may depend on: those of the edge columns and rows
/// are interpolated from colours beyond.
constexpr int kMargin = 8;

/// Can libjpeg leave out rows and columns without another pixel turning out differently? It can
/// where one pass reads the blocks from top to bottom, and colours have the usual resolutions.
/// Progressive files were decoded whole before their first row is there.
bool has_usual_blocks(jpeg_decompress_struct& jpeg) {
  if (jpeg.arith_code || jpeg_has_multiple_scans(&jpeg)) return false;
  if (jpeg.num_components != 1 && jpeg.num_components != 3) return false;
  const jpeg_component_info& first = jpeg.comp_info[0];
  if (first.h_samp_factor > 2 || first.v_samp_factor > 2) return false;
  if (jpeg.num_components == 1) return first.h_samp_factor == 1 && first.v_samp_factor == 1;
  for (int i = 1; i < 3; ++i) {
    const jpeg_component_info& other = jpeg.comp_info[i];
    if (other.h_samp_factor != 1 || other.v_samp_factor != 1) return false;
  }
  return true;
}

/// Columns and rows that are decoded for a box.
struct Window {
  JDIMENSION left = 0, width = 0;
  JDIMENSION skipped = 0;  ///< rows above, of which only the bits are read
  JDIMENSION bottom = 0;
};

/// Left and `skipped` lie between blocks, a block's height at least above the box.
Window window_around(const Decoder& decoder, const CropBox& box, int image_width) {
  const jpeg_component_info& first = decoder.jpeg.comp_info[0];
  const int wide = DCTSIZE / decoder.reduced * first.h_samp_factor;
  const int high = DCTSIZE / decoder.reduced * first.v_samp_factor;
  const int left = std::max(0, box.left - kMargin) / wide * wide;
  const int right = std::min(image_width, box.left + box.width + kMargin);
  const int skipped = std::max(0, box.top / high - 1) * high;
  return {static_cast<JDIMENSION>(left), static_cast<JDIMENSION>(right - left),
          static_cast<JDIMENSION>(skipped), static_cast<JDIMENSION>(box.top + box.height)};
}

/// Is there a marker ahead at which the decoder of bits stops for good? It then makes up what is
/// missing, as Pillow's and OpenCV's do, and never meets the end of the file.
bool has_stop_ahead(const jpeg_source_mgr& source) {
  const JOCTET* at = source.next_input_byte;
  const JOCTET* const end = at + source.bytes_in_buffer;
  const auto stops = [](int code) {
    return code >= 0xc0 && code != 0xff && !(code >= JPEG_RST0 && code < JPEG_RST0 + 8);
  };
  if (end - at >= 2 && end[-2] == 0xff && stops(end[-1])) return true;
  while (at < end && (at = std::find(at, end, JOCTET{0xff})) < end) {
    if (++at < end && stops(*at)) return true;
  }
  return false;
}

/// `pixels`: the window's rows from the box's first on. False as read_pixels().
bool read_window(Decoder& decoder, const Window& window, int top, std::uint8_t* pixels) {
  if (setjmp(decoder.escape) != 0) return false;
  jpeg_decompress_struct& jpeg = decoder.jpeg;
  start(decoder);
  JDIMENSION left = window.left, width = window.width;
  jpeg_crop_scanline(&jpeg, &left, &width);
  if (left != window.left || width != window.width) give_up(decoder, "columns that do not fit");
  if (window.skipped > 0) jpeg_skip_scanlines(&jpeg, window.skipped);
  while (jpeg.output_scanline < static_cast<JDIMENSION>(top)) read_row(jpeg, decoder.row.data());
  while (jpeg.output_scanline < window.bottom) {
    const JDIMENSION row = jpeg.output_scanline - static_cast<JDIMENSION>(top);
    read_row(jpeg, pixels + std::size_t{row} * window.width * 3);
  }
  if (has_stop_ahead(decoder.source)) return true;
  while (jpeg.output_scanline < jpeg.output_height) read_row(jpeg, decoder.row.data());
  return true;
}

int divide_up(int value, int by) {
  return (value + by - 1) / by;
}

/// libjpeg's scales 1/2, 1/4 and 1/8 have fast code for every processor, with the same bits.
int reduction_of(const CropBox& box, Size at_least) {
  int reduced = 1;
  if (at_least.width <= 0 || at_least.height <= 0) return reduced;
  const auto fits = [&](int by) {
    return box.width >= by * at_least.width && box.height >= by * at_least.height;
  };
  while (reduced < DCTSIZE && fits(reduced * 2)) reduced *= 2;
  return reduced;
}

/// The pixels of the reduced image in which the box has a share.
CropBox touched_by(const CropBox& box, int reduced) {
  const int top = box.top / reduced;
  const int left = box.left / reduced;
  return {top, left, divide_up(box.top + box.height, reduced) - top,
          divide_up(box.left + box.width, reduced) - left};
}

Status broken(const std::string& name, const char* detail) {
  return data_loss(format(
      "read {}: expected a whole JPEG, found one that libjpeg rejects ({}); replace the file", name,
      detail));
}

/// The head: everything before the pixels.
Result<Size> open(Decoder& decoder, std::string_view bytes, const std::string& name) {
  if (!read_header(decoder, bytes)) return broken(name, decoder.message);
  TA_RETURN_IF_ERROR(check_pixels(decoder.jpeg.image_width, decoder.jpeg.image_height, name));
  return Size{static_cast<int>(decoder.jpeg.image_width),
              static_cast<int>(decoder.jpeg.image_height)};
}

Result<Image> decode_whole(Decoder& decoder, Size size, const std::string& name) {
  const auto width = static_cast<std::size_t>(size.width);
  decoder.row.resize(decoder.jpeg.num_components == 4 ? width * 4 : 0);
  Image image{size.width, size.height, 3, {}};
  image.pixels.resize(width * static_cast<std::size_t>(size.height) * 3);
  if (!read_pixels(decoder, image.pixels.data())) return broken(name, decoder.message);
  return image;
}

}  // namespace

bool is_jpeg(std::string_view bytes) {
  return bytes.starts_with("\xff\xd8\xff");
}

Result<Image> decode_jpeg(std::string_view bytes, ReadAs mode, const std::string& name) {
  Decoder decoder;
  decoder.mode = mode;
  TA_ASSIGN_OR_RETURN(const Size size, open(decoder, bytes, name));
  TA_ASSIGN_OR_RETURN(Image image, decode_whole(decoder, size, name));
  if (mode == ReadAs::kEvaluation)
    image = apply_orientation(std::move(image), decoder.orientation.value_or(1));
  return image;
}

Result<ImageRegion> decode_jpeg_region(std::string_view bytes, const std::string& name,
                                       const ChooseBox& choose, Size at_least) {
  Decoder decoder;
  TA_ASSIGN_OR_RETURN(const Size size, open(decoder, bytes, name));
  const CropBox box = choose(size);
  decoder.reduced = reduction_of(box, at_least);
  const Size small{divide_up(size.width, decoder.reduced), divide_up(size.height, decoder.reduced)};
  if (!has_usual_blocks(decoder.jpeg)) {
    TA_ASSIGN_OR_RETURN(Image image, decode_whole(decoder, small, name));
    return ImageRegion{std::move(image), box, decoder.reduced};
  }
  const CropBox touched = touched_by(box, decoder.reduced);
  const Window window = window_around(decoder, touched, small.width);
  decoder.row.resize(std::size_t{window.width} * 3);
  ImageRegion region{{static_cast<int>(window.width), touched.height, 3, {}},
                     {box.top - touched.top * decoder.reduced,
                      box.left - static_cast<int>(window.left) * decoder.reduced, box.height,
                      box.width},
                     decoder.reduced};
  region.image.pixels.resize(std::size_t{window.width} *
                             static_cast<std::size_t>(touched.height) * 3);
  if (!read_window(decoder, window, touched.top, region.image.pixels.data()))
    return broken(name, decoder.message);
  return region;
}

}  // namespace tagalign::data
