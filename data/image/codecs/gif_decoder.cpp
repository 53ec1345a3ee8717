#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <span>

#include "base/format.h"
#include "data/image/codecs/image_codecs.h"
#include "data/image/image.h"

namespace tagalign::data {
namespace {

struct Source {
  std::string_view bytes;
  std::size_t position = 0;
};

int read_bytes(GifFileType* gif, GifByteType* target, int length) {
  auto& source = *static_cast<Source*>(gif->UserData);
  const std::size_t got =
      std::min(static_cast<std::size_t>(length), source.bytes.size() - source.position);
  std::memcpy(target, source.bytes.data() + source.position, got);
  source.position += got;
  return static_cast<int>(got);
}

struct GifCloser {
  void operator()(GifFileType* gif) const {
    int error = 0;
    DGifCloseFile(gif, &error);
  }
};
using Gif = std::unique_ptr<GifFileType, GifCloser>;

Status broken(const std::string& name, int error) {
  const char* detail = GifErrorString(error);
  return data_loss(
      format("read {}: expected a whole GIF, found one that giflib rejects ({}); replace the file",
             name, detail == nullptr ? "its pixels end early or are damaged" : detail));
}

/// Reads an extension; keeps the transparent colour of a graphic control block.
bool read_extension(GifFileType* gif, std::optional<std::uint8_t>& transparent) {
  int code = 0;
  GifByteType* block = nullptr;
  if (DGifGetExtension(gif, &code, &block) != GIF_OK) return false;
  constexpr int kLength = 4;  // block[0], then flags, delay, colour
  if (code == GRAPHICS_EXT_FUNC_CODE && block != nullptr && block[0] >= kLength &&
      (block[1] & 1) != 0)
    transparent = block[4];
  while (block != nullptr) {
    if (DGifGetExtensionNext(gif, &block) != GIF_OK) return false;
  }
  return true;
}

/// Goes to the first frame and reads its head.
bool find_frame(GifFileType* gif, std::optional<std::uint8_t>& transparent) {
  while (true) {
    GifRecordType type = UNDEFINED_RECORD_TYPE;
    if (DGifGetRecordType(gif, &type) != GIF_OK) {
      if (gif->Error != D_GIF_ERR_WRONG_RECORD) return false;
      continue;  // stray bytes between blocks, which Pillow passes over too
    }
    if (type == IMAGE_DESC_RECORD_TYPE) return DGifGetImageDesc(gif) == GIF_OK;
    if (type == TERMINATE_RECORD_TYPE) return false;
    if (type == EXTENSION_RECORD_TYPE && !read_extension(gif, transparent)) return false;
  }
}

/// Rows in the order in which the file holds them.
std::vector<int> row_order(const GifImageDesc& frame) {
  std::vector<int> rows;
  if (!frame.Interlace) {
    for (int y = 0; y < frame.Height; ++y) rows.push_back(y);
    return rows;
  }
  for (const auto& [first, step] :
       std::array<std::pair<int, int>, 4>{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}}) {
    for (int y = first; y < frame.Height; y += step) rows.push_back(y);
  }
  return rows;
}

using Color = std::array<std::uint8_t, 3>;
using Palette = std::array<Color, 256>;

/// Without a table, and under one that only counts up, an index is a shade of grey. Colours that a
/// table does not reach are black (Pillow 13).
Palette palette_of(const ColorMapObject* colors) {
  Palette grey, table = {};
  for (std::size_t i = 0; i < grey.size(); ++i) grey[i].fill(static_cast<std::uint8_t>(i));
  bool counts_up = true;
  for (std::size_t i = 0; colors != nullptr && i < static_cast<std::size_t>(colors->ColorCount);
       ++i) {
    table[i] = {colors->Colors[i].Red, colors->Colors[i].Green, colors->Colors[i].Blue};
    counts_up = counts_up && table[i] == grey[i];
  }
  return counts_up ? grey : table;
}

/// What lies under the first frame.
Color canvas_color(const GifFileType& gif, const Palette& palette,
                   std::optional<std::uint8_t> transparent, ReadAs mode) {
  if (mode == ReadAs::kTraining) return palette[transparent.value_or(0)];
  return gif.SColorMap == nullptr ? Color{} : palette_of(gif.SColorMap)[gif.SBackGroundColor & 255];
}

/// OpenCV shows the canvas through transparent pixels, Pillow their colour.
struct Brush {
  Palette palette;
  std::optional<std::uint8_t> skipped;
};

void paint(Image& image, std::size_t at, std::span<const std::uint8_t> indices,
           const Brush& brush) {
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] == brush.skipped) continue;
    std::ranges::copy(brush.palette[indices[i]],
                      image.pixels.begin() + static_cast<std::ptrdiff_t>((at + i) * 3));
  }
}

/// The strings of a frame's LZW codes. giflib takes blocks and bits apart; which code may stand
/// where is looked at here, because giflib's own reader paints something for any.
class Strings {
 public:
  /// `gif` stands behind a frame's head, whose last byte is the size of the codes.
  explicit Strings(GifFileType* gif) : gif_(gif) {
    const auto& source = *static_cast<const Source*>(gif->UserData);
    clear_ = 1U << static_cast<unsigned char>(source.bytes[source.position - 1]);
    free_ = clear_ + 2;
  }

  /// The next string of indices, valid until the next call; empty when the file ends or is damaged.
  std::span<const std::uint8_t> next() {
    int read = static_cast<int>(clear_);
    while (read == static_cast<int>(clear_)) {
      if (DGifGetLZCodes(gif_, &read) != GIF_OK || read < 0) return {};
      if (read == static_cast<int>(clear_)) previous_.reset(), free_ = clear_ + 2;
    }
    const auto code = static_cast<std::size_t>(read);
    if (code > (previous_ ? free_ : clear_ - 1)) return {};
    const std::span<const std::uint8_t> string = expand(code);
    if (previous_ && free_ < kCodes) entries_[free_++] = {*previous_, string.front()};
    previous_ = code;
    return string;
  }

 private:
  static constexpr std::size_t kCodes = 4096;
  struct Entry {
    std::size_t prefix = 0;
    std::uint8_t last = 0;
  };

  /// Filled from the right, because a string is known from its end.
  std::span<const std::uint8_t> expand(std::size_t code) {
    std::size_t at = string_.size();
    const bool unfinished = previous_ && code == free_;  // the string before, and its own first
    if (unfinished) --at, code = *previous_;
    for (; code >= clear_; code = entries_[code].prefix) string_[--at] = entries_[code].last;
    string_[--at] = static_cast<std::uint8_t>(code);
    if (unfinished) string_.back() = string_[at];
    return std::span(string_).subspan(at);
  }

  GifFileType* gif_;
  std::size_t clear_ = 0;
  std::size_t free_ = 0;  ///< the next code to be defined
  std::optional<std::size_t> previous_;
  std::array<Entry, kCodes + 1> entries_ = {};
  std::array<std::uint8_t, kCodes + 2> string_ = {};
};

/// [height, width] in the file's order of rows; nothing when there are fewer.
std::optional<std::vector<std::uint8_t>> read_indices(GifFileType& gif) {
  const auto pixels =
      static_cast<std::size_t>(gif.Image.Width) * static_cast<std::size_t>(gif.Image.Height);
  std::vector<std::uint8_t> indices;
  indices.reserve(pixels);
  Strings strings(&gif);
  while (indices.size() < pixels) {
    const auto string = strings.next();
    if (string.empty()) return std::nullopt;
    const std::size_t taken = std::min(string.size(), pixels - indices.size());
    indices.insert(indices.end(), string.begin(),
                   string.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  return indices;
}

Status read_frame(GifFileType& gif, Image& image, const Brush& brush, const std::string& name) {
  const auto indices = read_indices(gif);
  if (!indices) return broken(name, gif.Error);
  const GifImageDesc& frame = gif.Image;
  const auto width = static_cast<std::size_t>(frame.Width);
  const std::vector<int> order = row_order(frame);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto y = static_cast<std::size_t>(frame.Top + order[i]);
    paint(image, y * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(frame.Left),
          std::span(*indices).subspan(i * width, width), brush);
  }
  return {};
}

Status check_frame(const GifImageDesc& frame, const std::string& name) {
  return check_pixels(static_cast<std::uint64_t>(frame.Width),
                      static_cast<std::uint64_t>(frame.Height), name);
}

/// Black; a frame may be larger than the screen that the file's head names.
Result<Image> make_canvas(const GifFileType& gif, const std::string& name) {
  const int width = std::max(gif.SWidth, gif.Image.Left + gif.Image.Width);
  const int height = std::max(gif.SHeight, gif.Image.Top + gif.Image.Height);
  const auto w = static_cast<std::uint64_t>(width), h = static_cast<std::uint64_t>(height);
  TA_RETURN_IF_ERROR(check_pixels(w, h, name));
  Image image{width, height, 3, {}};
  image.pixels.resize(w * h * 3);
  return image;
}

}  // namespace

bool is_gif(std::string_view bytes) {
  return bytes.starts_with("GIF87a") || bytes.starts_with("GIF89a");
}

Result<Image> decode_gif(std::string_view bytes, ReadAs mode, const std::string& name) {
  Source source{.bytes = bytes};
  int error = 0;
  const Gif gif(DGifOpen(&source, read_bytes, &error));
  if (gif == nullptr) return broken(name, error);
  std::optional<std::uint8_t> transparent;
  if (!find_frame(gif.get(), transparent)) return broken(name, gif->Error);
  TA_RETURN_IF_ERROR(check_frame(gif->Image, name));
  TA_ASSIGN_OR_RETURN(Image image, make_canvas(*gif, name));
  const auto* colors = gif->Image.ColorMap != nullptr ? gif->Image.ColorMap : gif->SColorMap;
  Brush brush{.palette = palette_of(colors), .skipped = {}};
  const Color under = canvas_color(*gif, brush.palette, transparent, mode);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = under[i % 3];
  if (mode == ReadAs::kEvaluation) brush.skipped = transparent;
  TA_RETURN_IF_ERROR(read_frame(*gif, image, brush, name));
  return image;
}

}  // namespace tagalign::data
