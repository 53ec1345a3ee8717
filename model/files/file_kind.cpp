#include "model/files/file_kind.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/format.h"
#include "model/files/pickle.h"

namespace tagalign::model {
namespace {

constexpr std::size_t kLengthBytes = 8;  // in front of safetensors' header
constexpr std::uint64_t kHeaderBytesMax = 100'000'000;

/// Bytes that only one kind of file has in one place.
struct Mark {
  std::size_t at;
  std::string_view bytes;
  std::string_view says;
};

using std::string_view_literals::operator""sv;

constexpr std::string_view kPointer =
    "is a git-lfs pointer (the file itself was not fetched): git lfs pull";
constexpr Mark kMarks[] = {
    {0, "version https://git-lfs.github.com/spec/", kPointer},
    {0, "version https://hawser.github.com/spec/", kPointer},
    {0, "/annex/objects/",
     "is a git-annex pointer (the file itself was not fetched): git annex get"},
    {0, "\x1f\x8b", "is compressed (gzip): unpack it with gunzip"},
    {0, "\x1f\x9d", "is compressed (compress): unpack it with uncompress"},
    {0, "BZh", "is compressed (bzip2): unpack it with bunzip2"},
    {0,
     "\xfd"
     "7zXZ\0"sv,
     "is compressed (xz): unpack it with unxz"},
    {0, "LZIP", "is compressed (lzip): unpack it with lzip -d"},
    {0, "\x5d\0\0"sv, "is compressed (lzma): unpack it with unlzma"},
    {0, "\x28\xb5\x2f\xfd", "is compressed (zstd): unpack it with unzstd"},
    {0, "\x04\x22\x4d\x18", "is compressed (lz4): unpack it with unlz4"},
    {0, "7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it, and name the file in it"},
    {0, "Rar!\x1a\x07", "is a rar archive: unpack it, and name the file in it"},
    {257, "ustar", "is a tar archive: unpack it, and name the file in it"},
    {0, "PK\x05\x06", "is an empty zip archive: download it again"},
    {0, "PK\x07\x08", "is a part of a zip archive: put its parts together"},
    {0, "\x89HDF\r\n\x1a\n", "is an HDF5 file (Keras): save the weights as safetensors"},
    {0, "GGUF", "is a GGUF file: take the model's safetensors"},
    {0, "\x93NUMPY", "is a NumPy array: save the weights as safetensors"},
    {4, "TFL3", "is a TensorFlow Lite model: save the weights as safetensors"},
    {0, "%PDF", "is a PDF document, not the file: download it again"},
    {0, "\x89PNG\r\n\x1a\n", "is an image (PNG)"},
    {0, "\xff\xd8\xff", "is an image (JPEG)"},
    {0,
     "\x7f"
     "ELF",
     "is a program"},
};

/// Behind a byte order mark and white space.
std::string_view text_begin(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  return text;
}

bool is_text(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) {
    return c >= 0x20 ? c != 0x7f : c == '\t' || c == '\r' || c == '\n';
  });
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

/// In ASCII, whatever the text's encoding is.
std::string first_line(std::string_view text) {
  constexpr std::size_t kShownMax = 60;
  std::string line = printable(text.substr(0, std::min(text.find_first_of("\r\n"), kShownMax)));
  std::ranges::replace_if(
      line, [](unsigned char c) { return c >= 0x80; }, '?');
  return line;
}

/// Of a file that is_text().
std::string text_kind(std::string_view text) {
  const std::string begin = lower(text_begin(text));
  for (const std::string_view tag : {"<!doctype html", "<html", "<head", "<body", "<script"}) {
    if (begin.starts_with(tag)) return "is a web page, not the file: download it again";
  }
  if (begin.starts_with("<?xml") || begin.starts_with("<error"))
    return "is an XML text, such as a server's refusal, not the file: download it again";
  const bool is_json = begin.starts_with('{') || begin.starts_with('[');
  if (is_json && begin.find("\"weight_map\"") != std::string::npos)
    return "is the index of weights in several files: put those into one";
  if (is_json)
    return "is a JSON text, such as a server's refusal or a configuration, not the file: download "
           "it again";
  return format("is a text that begins with '{}', not the file: download it again",
                first_line(text_begin(text)));
}

/// A pickled integer of ten bytes, the magic number of torch.save before 1.6, around which
/// protocol 4 has a frame.
bool is_torch_stream(std::string_view text) {
  constexpr std::string_view kMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  constexpr std::size_t kProtocolBytes = 2, kFrameBytes = 9;
  if (text.size() <= kProtocolBytes || text[0] != '\x80') return false;
  text.remove_prefix(kProtocolBytes);
  if (text[0] == '\x95') text.remove_prefix(std::min(kFrameBytes, text.size()));
  return text.starts_with(kMagic);
}

/// A header's length that can be, and a header that begins as one does. A file that ends before is
/// for its reader to judge.
bool is_safetensors(std::string_view text) {
  if (text.size() < kLengthBytes) return false;
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    length |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
  if (length == 0 || length > kHeaderBytesMax) return false;
  const std::string_view header = text.substr(kLengthBytes, length);
  const auto first = header.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos || header[first] == '{';
}

std::string hexadecimal(std::string_view bytes) {
  std::string shown;
  for (const char c : bytes.substr(0, kLengthBytes))
    shown += format("{}{:02x}", shown.empty() ? "" : " ", static_cast<unsigned char>(c));
  return shown;
}

std::string_view view_of(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

WeightsFormat weights_format(ByteSpan first_bytes) {
  const std::string_view text = view_of(first_bytes);
  if (text.starts_with("PK\x03\x04")) return WeightsFormat::kTorchZip;
  if (is_torch_stream(text)) return WeightsFormat::kTorchLegacy;
  return is_safetensors(text) ? WeightsFormat::kSafetensors : WeightsFormat::kOther;
}

std::string other_kind(ByteSpan first_bytes) {
  const std::string_view text = view_of(first_bytes);
  if (text.empty()) return "is empty: download it again";
  for (const Mark& mark : kMarks) {
    if (text.size() > mark.at && text.substr(mark.at).starts_with(mark.bytes))
      return std::string(mark.says);
  }
  if (std::ranges::all_of(text, [](char c) { return c == '\0'; }))
    return "begins with nothing but zeros, as a download that was not finished: download it again";
  if (is_text(text)) return text_kind(text);
  if (text[0] == '\x80' && text.size() > 1 && text[1] <= '\x05')
    return "is a pickle that torch.save did not write: load it in Python and save its tensors as "
           "safetensors";
  return format("begins with the bytes {}, as no file of weights does: download it again",
                hexadecimal(text));
}

}  // namespace tagalign::model
