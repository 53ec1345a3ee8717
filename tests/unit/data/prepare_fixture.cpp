#include "tests/unit/data/prepare_fixture.h"

#include <png.h>

#include "base/limits.h"

namespace tagalign::data {

std::string palette_png(int width, int height, const std::vector<std::uint8_t>& indices) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = PNG_FORMAT_RGB_COLORMAP;
  image.colormap_entries = 256;
  std::vector<std::uint8_t> palette(256 * 3);
  for (std::size_t i = 0; i < palette.size(); ++i) palette[i] = static_cast<std::uint8_t>(i * 37);
  png_alloc_size_t size = 1 << 16;
  std::string bytes(size, '\0');
  TA_CHECK(png_image_write_to_memory(&image, bytes.data(), &size, 0, indices.data(), 0,
                                     palette.data()) != 0);
  bytes.resize(size);
  return bytes;
}

std::string compressed_runs(int height, int width, const std::vector<int>& mask) {
  std::vector<std::int64_t> runs{0};
  int current = 0;
  for (int x = 0; x < width; ++x) {
    for (int y = 0; y < height; ++y) {
      if (mask[static_cast<std::size_t>(y * width + x)] != current) {
        runs.push_back(0);
        current = 1 - current;
      }
      ++runs.back();
    }
  }
  std::string text;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::int64_t value = i > 2 ? runs[i] - runs[i - 2] : runs[i];
    for (bool more = true; more;) {
      auto group = static_cast<int>(value & 31);
      value >>= 5;
      more = (group & 16) != 0 ? value != -1 : value != 0;
      text += static_cast<char>(48 + group + (more ? 32 : 0));
    }
  }
  return text;
}

std::map<std::string, std::string> files_below(const Path& folder) {
  std::map<std::string, std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().filename() == ".tagalign-sources") continue;
    found[entry.path().lexically_relative(folder).string()] =
        posix_file_system().read_file(entry.path(), limits::kImageFileBytesMax).value();
  }
  return found;
}

void PrepareTest::litter(const std::string& folder) {
  for (const char* name : {".DS_Store", "Thumbs.db", "desktop.ini", "._photo.jpg", "._label.png"})
    text(folder + "/" + name, "junk");
  text(folder + "/__MACOSX/._photo.jpg", "junk");
}

PrepareReport PrepareTest::prepared(const std::string& benchmark) {
  const auto report = prepare(benchmark);
  EXPECT_TRUE(report.ok()) << report.status().to_string();
  if (!report.ok()) return {};
  for (const auto* list : {&report->missing, &report->failures}) {
    for (const Offender& offender : *list)
      ADD_FAILURE() << offender.file << ": " << offender.detail;
  }
  return *report;
}

std::string PrepareTest::bytes(const std::string& name) const {
  const auto found = posix_file_system().read_file(output() / name, limits::kImageFileBytesMax);
  return found.ok() ? *found : found.status().to_string();
}

std::vector<std::uint16_t> PrepareTest::ids(const std::string& name) const {
  const auto found = read_label_png(posix_file_system(), output() / name);
  EXPECT_TRUE(found.ok()) << found.status().to_string();
  return found.ok() ? found->ids : std::vector<std::uint16_t>();
}

}  // namespace tagalign::data
