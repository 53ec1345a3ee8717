// jpeglib.h needs size_t and FILE.
#include <cstddef>
#include <cstdio>
// clang-format off
#include <jpeglib.h>
// clang-format on

#include <cstdlib>

#include "tests/unit/data/jpeg_forms.h"

namespace tagalign::data {
namespace {

void set_form(jpeg_compress_struct& jpeg, const JpegForm& form) {
  jpeg.input_components = form.components;
  jpeg.in_color_space = form.components == 1   ? JCS_GRAYSCALE
                        : form.components == 3 ? JCS_RGB
                                               : JCS_CMYK;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, form.quality, TRUE);
  jpeg.comp_info[0].h_samp_factor = form.across;
  jpeg.comp_info[0].v_samp_factor = form.down;
  jpeg.restart_interval = static_cast<unsigned int>(form.restart_blocks);
  if (form.progressive) jpeg_simple_progression(&jpeg);
  jpeg.arith_code = form.arithmetic ? TRUE : FALSE;
}

}  // namespace

std::string jpeg_of(const Image& image, const JpegForm& form) {
  jpeg_compress_struct jpeg = {};
  jpeg_error_mgr errors = {};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* bytes = nullptr;
  unsigned long length = 0;
  jpeg_mem_dest(&jpeg, &bytes, &length);
  jpeg.image_width = static_cast<JDIMENSION>(image.width);
  jpeg.image_height = static_cast<JDIMENSION>(image.height);
  set_form(jpeg, form);
  jpeg_start_compress(&jpeg, TRUE);
  std::vector<JSAMPLE> row(static_cast<std::size_t>(image.width * form.components));
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      for (int c = 0; c < form.components; ++c)
        row[static_cast<std::size_t>(x * form.components + c)] =
            image.pixels[static_cast<std::size_t>((y * image.width + x) * 3 + c % 3)];
    }
    JSAMPROW line = row.data();
    jpeg_write_scanlines(&jpeg, &line, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string text(reinterpret_cast<char*>(bytes), length);
  std::free(bytes);
  jpeg_destroy_compress(&jpeg);
  return text;
}

}  // namespace tagalign::data
