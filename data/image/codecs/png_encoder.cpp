#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>

#include "data/image/image.h"

// libpng reports errors by longjmp. Every function that calls setjmp below holds only trivially
// destructible locals; what owns memory lives in the caller's struct.
namespace tagalign::data {
namespace {

constexpr int kZlibLevel = 3;  // fixed: part of what makes encode_png deterministic

void on_error(png_structp png, png_const_charp text) {
  auto* message = static_cast<char*>(png_get_error_ptr(png));
  std::strncpy(message, text, 127);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

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
