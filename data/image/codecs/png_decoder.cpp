#include <png.h>

#include <csetjmp>
#include <cstring>
#include <optional>

#include "base/format.h"
#include "base/limits.h"
#include "data/image/codecs/exif.h"
#include "data/image/codecs/image_codecs.h"
#include "data/image/image.h"

// libpng reports errors by longjmp. Every function that calls setjmp below holds only trivially
// destructible locals; what owns memory lives in the caller's struct.
namespace tagalign::data {
namespace {

enum class PngMode {
  kPixels,      ///< RGB, and done with the last pixel
  kWholeFile,   ///< RGB, and the file is sound to its end
  kRgbOrIndex,  ///< what is stored, of a sound file
};

struct Reader {
  std::string_view bytes;
  PngMode mode = PngMode::kPixels;
  std::size_t position = 0;
  char message[128] = {};
  std::vector<std::uint8_t> pixels;
  std::vector<png_bytep> rows;
  png_uint_32 width = 0;
  png_uint_32 height = 0;
  int channels = 0;
  int bit_depth = 0;
  bool reading_rows = false;
  std::optional<int> orientation;
};

void on_error(png_structp png, png_const_charp text) {
  auto* message = static_cast<char*>(png_get_error_ptr(png));
  std::strncpy(message, text, 127);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

/// A chunk of pixels that ends early is shortened to what is there: libpng would not decode the
/// part of it that it can have.
void shorten_last_chunk(const Reader& reader, png_bytep head) {
  const std::size_t left = reader.bytes.size() - reader.position;
  if (std::memcmp(head + 4, "IDAT", 4) == 0 && png_get_uint_32(head) > left)
    png_save_uint_32(head, static_cast<png_uint_32>(left));
}

void read_bytes(png_structp png, png_bytep target, std::size_t length) {
  auto* reader = static_cast<Reader*>(png_get_io_ptr(png));
  if (length > reader->bytes.size() - reader->position) png_error(png, "the file ends early");
  std::memcpy(target, reader->bytes.data() + reader->position, length);
  reader->position += length;
  constexpr std::size_t kChunkHead = 8;
  if (reader->mode == PngMode::kPixels && length == kChunkHead) shorten_last_chunk(*reader, target);
}

int skip_chunk(png_structp, png_unknown_chunkp) {
  return 1;
}

/// Chooses libpng's conversions: everything to 8-bit RGB, or the stored grey, palette index or
/// RGB as it is.
void set_transforms(png_structp png, png_infop info, PngMode mode) {
  const int color = png_get_color_type(png, info);
  if (mode != PngMode::kRgbOrIndex) {
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    if ((color & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(png);
  } else {
    png_set_packing(png);
    png_set_strip_alpha(png);
  }
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
}

void allocate(Reader& reader, std::size_t row_bytes) {
  reader.pixels.assign(row_bytes * reader.height, 0);
  reader.rows.resize(reader.height);
  for (std::size_t y = 0; y < reader.height; ++y)
    reader.rows[y] = reader.pixels.data() + y * row_bytes;
}

/// Every row of every pass is in its place, although libpng may have stumbled over what follows.
bool all_rows_read(const Reader& reader, png_structp png, png_infop info) {
  if (!reader.reading_rows) return false;
  constexpr int kPasses = 7;
  return png_get_interlace_type(png, info) == PNG_INTERLACE_NONE
             ? png_get_current_row_number(png) >= reader.height
             : png_get_current_pass_number(png) >= kPasses;
}

void read_orientation(Reader& reader, png_structp png, png_infop info) {
  png_uint_32 length = 0;
  png_bytep data = nullptr;
  if (png_get_eXIf_1(png, info, &length, &data) == 0) return;
  reader.orientation = exif_orientation({reinterpret_cast<const char*>(data), length});
}

void read_rows(Reader& reader, png_structp png, png_infop info) {
  // Pillow looks at the checksums of what stands before the pixels only.
  if (reader.mode == PngMode::kPixels)
    png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
  reader.reading_rows = true;
  png_read_image(png, reader.rows.data());
  if (reader.mode == PngMode::kPixels) return;
  png_read_end(png, info);
  read_orientation(reader, png, info);
}

/// False with reader.message set when libpng gives up.
bool run_reader(Reader& reader) {
  png_structp png =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, reader.message, on_error, on_warning);
  if (png == nullptr) return false;
  png_infop info = png_create_info_struct(png);
  if (info == nullptr || setjmp(png_jmpbuf(png)) != 0) {
    const bool enough = reader.mode == PngMode::kPixels && all_rows_read(reader, png, info);
    png_destroy_read_struct(&png, &info, nullptr);
    return enough;
  }
  png_set_read_fn(png, &reader, read_bytes);
  // Pillow passes over chunks that nobody knows, even those that are called critical.
  if (reader.mode == PngMode::kPixels) png_set_read_user_chunk_fn(png, nullptr, skip_chunk);
  png_set_user_limits(png, 1 << 20, 1 << 20);
  png_set_chunk_malloc_max(png, 64 << 20);
  png_read_info(png, info);
  reader.width = png_get_image_width(png, info);
  reader.height = png_get_image_height(png, info);
  if (std::uint64_t{reader.width} * reader.height > limits::kImagePixelsMax)
    png_error(png, "too many pixels");
  set_transforms(png, info, reader.mode);
  reader.channels = png_get_channels(png, info);
  reader.bit_depth = png_get_bit_depth(png, info);
  allocate(reader, png_get_rowbytes(png, info));
  read_rows(reader, png, info);
  png_destroy_read_struct(&png, &info, nullptr);
  return true;
}

Status reader_status(const Reader& reader, const std::string& name) {
  if (reader.width > 0) TA_RETURN_IF_ERROR(check_pixels(reader.width, reader.height, name));
  return data_loss(
      format("read {}: expected a whole PNG, found one that libpng rejects ({}); replace the file",
             name, reader.message));
}

/// Grey or palette index, or R + 256·G of an RGB PNG.
std::uint16_t label_at(const Reader& reader, const png_byte* pixel) {
  if (reader.bit_depth == 16) return static_cast<std::uint16_t>(pixel[0] << 8 | pixel[1]);
  if (reader.channels >= 3) return static_cast<std::uint16_t>(pixel[0] | pixel[1] << 8);
  return pixel[0];
}

}  // namespace

bool is_png(std::string_view bytes) {
  return bytes.starts_with("\x89PNG\r\n\x1a\n");
}

Result<Image> decode_png(std::string_view bytes, ReadAs mode, const std::string& name) {
  const bool training = mode == ReadAs::kTraining;
  Reader reader{.bytes = bytes, .mode = training ? PngMode::kPixels : PngMode::kWholeFile};
  if (!run_reader(reader)) return reader_status(reader, name);
  Image image{static_cast<int>(reader.width), static_cast<int>(reader.height), 3,
              std::move(reader.pixels)};
  return training ? std::move(image)
                  : apply_orientation(std::move(image), reader.orientation.value_or(1));
}

Result<LabelMap> decode_label_png(std::string_view bytes, const std::string& name) {
  Reader reader{.bytes = bytes, .mode = PngMode::kRgbOrIndex};
  if (!is_png(bytes)) return not_an_image(bytes, "a PNG with labels", name);
  if (!run_reader(reader)) return reader_status(reader, name);
  if (reader.bit_depth == 16 && reader.channels >= 3) {
    return invalid_argument(
        format("read labels {}: expected 8- or 16-bit grey, palette or 8-bit RGB, found 16-bit RGB",
               name));
  }
  LabelMap label{static_cast<int>(reader.width), static_cast<int>(reader.height), {}};
  const std::size_t pixel_bytes = static_cast<std::size_t>(reader.channels * reader.bit_depth / 8);
  label.ids.resize(std::size_t{reader.width} * reader.height);
  for (std::size_t i = 0; i < label.ids.size(); ++i) {
    label.ids[i] = label_at(reader, reader.pixels.data() + i * pixel_bytes);
  }
  return label;
}

}  // namespace tagalign::data
