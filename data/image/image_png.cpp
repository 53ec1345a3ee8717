#include <png.h>

#include <csetjmp>
#include <cstring>

#include "base/format.h"
#include "base/limits.h"
#include "data/image/image.h"
#include "data/image/image_codecs.h"

// libpng reports errors by longjmp. Every function that calls setjmp below holds only trivially
// destructible locals; what owns memory lives in the caller's struct.
namespace tagalign::data {
namespace {

constexpr int kZlibLevel = 3;  // fixed: part of what makes encode_png deterministic

struct Reader {
  std::string_view bytes;
  std::size_t position = 0;
  char message[128] = {};
  std::vector<std::uint8_t> pixels;
  std::vector<png_bytep> rows;
  png_uint_32 width = 0;
  png_uint_32 height = 0;
  int channels = 0;
  int bit_depth = 0;
};

void on_error(png_structp png, png_const_charp text) {
  auto* message = static_cast<char*>(png_get_error_ptr(png));
  std::strncpy(message, text, 127);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep target, std::size_t length) {
  auto* reader = static_cast<Reader*>(png_get_io_ptr(png));
  if (length > reader->bytes.size() - reader->position) png_error(png, "the file ends early");
  std::memcpy(target, reader->bytes.data() + reader->position, length);
  reader->position += length;
}

enum class PngMode { kRgb, kRgbOrIndex };

/// Chooses libpng's conversions: everything to 8-bit RGB, or the stored grey, palette index or
/// RGB as it is.
void set_transforms(png_structp png, png_infop info, PngMode mode) {
  const int color = png_get_color_type(png, info);
  if (mode == PngMode::kRgb) {
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

/// False with reader.message set when libpng gives up.
bool run_reader(Reader& reader, PngMode mode) {
  png_structp png =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, reader.message, on_error, on_warning);
  if (png == nullptr) return false;
  png_infop info = png_create_info_struct(png);
  if (info == nullptr || setjmp(png_jmpbuf(png)) != 0) {
    png_destroy_read_struct(&png, &info, nullptr);
    return false;
  }
  png_set_read_fn(png, &reader, read_bytes);
  png_set_user_limits(png, 1 << 20, 1 << 20);
  png_set_chunk_malloc_max(png, 64 << 20);
  png_read_info(png, info);
  reader.width = png_get_image_width(png, info);
  reader.height = png_get_image_height(png, info);
  if (std::uint64_t{reader.width} * reader.height > limits::kImagePixelsMax)
    png_error(png, "too many pixels");
  set_transforms(png, info, mode);
  reader.channels = png_get_channels(png, info);
  reader.bit_depth = png_get_bit_depth(png, info);
  allocate(reader, png_get_rowbytes(png, info));
  png_read_image(png, reader.rows.data());
  png_read_end(png, nullptr);
  png_destroy_read_struct(&png, &info, nullptr);
  return true;
}

Status reader_status(const Reader& reader, const std::string& name) {
  const auto pixels = std::uint64_t{reader.width} * reader.height;
  if (pixels > limits::kImagePixelsMax) {
    return invalid_argument(
        format("read {}: {} x {} pixels are more than the limit of {}; use a smaller image", name,
               reader.width, reader.height, limits::kImagePixelsMax));
  }
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

struct Writer {
  std::string bytes;
  char message[128] = {};
  std::vector<png_bytep> rows;
};

void write_bytes(png_structp png, png_bytep source, std::size_t length) {
  static_cast<Writer*>(png_get_io_ptr(png))
      ->bytes.append(reinterpret_cast<const char*>(source), length);
}

void flush_nothing(png_structp) {}

struct PngShape {
  png_uint_32 width;
  png_uint_32 height;
  int bit_depth;
  int color_type;
};

bool run_writer(Writer& writer, const PngShape& shape) {
  png_structp png =
      png_create_write_struct(PNG_LIBPNG_VER_STRING, writer.message, on_error, on_warning);
  if (png == nullptr) return false;
  png_infop info = png_create_info_struct(png);
  if (info == nullptr || setjmp(png_jmpbuf(png)) != 0) {
    png_destroy_write_struct(&png, &info);
    return false;
  }
  png_set_write_fn(png, &writer, write_bytes, flush_nothing);
  png_set_compression_level(png, kZlibLevel);
  png_set_filter(png, PNG_FILTER_TYPE_BASE,
                 shape.color_type == PNG_COLOR_TYPE_RGB ? PNG_FILTER_SUB : PNG_FILTER_NONE);
  png_set_IHDR(png, info, shape.width, shape.height, shape.bit_depth, shape.color_type,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  png_write_image(png, writer.rows.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return true;
}

std::string write_png(const std::uint8_t* pixels, const PngShape& shape, std::size_t row_bytes) {
  TA_CHECK(shape.width > 0 && shape.height > 0);
  Writer writer;
  writer.rows.resize(shape.height);
  for (std::size_t y = 0; y < shape.height; ++y) {
    writer.rows[y] =
        const_cast<png_bytep>(pixels + y * row_bytes);  // libpng's writer does not change rows
  }
  TA_CHECK(run_writer(writer, shape), writer.message);
  return std::move(writer.bytes);
}

}  // namespace

Result<Image> decode_png(std::string_view bytes, const std::string& name) {
  Reader reader{.bytes = bytes};
  if (!run_reader(reader, PngMode::kRgb)) return reader_status(reader, name);
  return Image{static_cast<int>(reader.width), static_cast<int>(reader.height), 3,
               std::move(reader.pixels)};
}

Result<LabelMap> decode_label_png(std::string_view bytes, const std::string& name) {
  Reader reader{.bytes = bytes};
  if (!is_png(bytes)) return not_an_image(bytes, "a PNG with labels", name);
  if (!run_reader(reader, PngMode::kRgbOrIndex)) return reader_status(reader, name);
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

std::string encode_png(const Image& image) {
  TA_CHECK(image.channels == 1 || image.channels == 3);
  const PngShape shape{static_cast<png_uint_32>(image.width),
                       static_cast<png_uint_32>(image.height), 8,
                       image.channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY};
  return write_png(image.pixels.data(), shape,
                   static_cast<std::size_t>(image.width * image.channels));
}

std::string encode_label_png(const LabelMap& label) {
  std::uint16_t largest = 0;
  for (const std::uint16_t id : label.ids) largest = std::max(largest, id);
  const bool wide = largest > 255;
  std::vector<std::uint8_t> pixels;
  pixels.reserve(label.ids.size() * 2);
  for (const std::uint16_t id : label.ids) {
    if (wide) pixels.push_back(static_cast<std::uint8_t>(id >> 8));
    pixels.push_back(static_cast<std::uint8_t>(id & 0xff));
  }
  const PngShape shape{static_cast<png_uint_32>(label.width),
                       static_cast<png_uint_32>(label.height), wide ? 16 : 8, PNG_COLOR_TYPE_GRAY};
  return write_png(pixels.data(), shape, static_cast<std::size_t>(label.width) * (wide ? 2 : 1));
}

}  // namespace tagalign::data
