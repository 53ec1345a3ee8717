/// The header of a safetensors file as text and as a checked list. Pure.
///
/// File: 8 bytes little-endian header length N, N bytes of JSON (padded with
/// spaces to a multiple of 8), then the tensors' bytes without gaps. Source: the
/// format's description at github.com/huggingface/safetensors.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/tensors.h"

namespace tagalign::checkpoint {

inline constexpr std::uint64_t kHeaderLengthBytes = 8;
/// What the data of a shard starts at a multiple of, so that it can be written past the page cache.
inline constexpr std::uint64_t kDataAlignment = 4096;
inline constexpr std::uint64_t kHeaderBytesMax = 100'000'000;  ///< the format's own limit

/// One tensor's place; offsets count from the end of the header.
struct HeaderEntry {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// A tensor of a type that DType lacks; its size is taken from its offsets.
struct UnreadEntry {
  std::string name;
  std::string type;  ///< "F8_E4M3"
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct Header {
  /// Ascending by begin; gapless from 0 together with those that are not read.
  std::vector<HeaderEntry> entries;
  std::vector<UnreadEntry> not_read = {};
  std::map<std::string, std::string> metadata;
};

/// Number of elements; nothing when an extent is negative or the product exceeds 2^63 - 1.
std::optional<std::uint64_t> element_count(const std::vector<std::int64_t>& shape);
/// Size of such a tensor; nothing as above.
std::optional<std::uint64_t> tensor_bytes(DType dtype, const std::vector<std::int64_t>& shape);

/// Length field and JSON, padded so that the data starts at a multiple of `alignment`.
/// kInvalidArgument for names that are not UTF-8, doubled or reserved.
Result<std::string> encode_header(const Header& header,
                                  std::uint64_t alignment = kHeaderLengthBytes);
/// The length field's value; kDataLoss unless header and field fit into `file_bytes`.
Result<std::uint64_t> decode_header_length(ByteSpan field, std::uint64_t file_bytes);
/// `text` is the JSON alone, `data_bytes` what follows it. kDataLoss for anything but a whole,
/// gapless file. Keys of an entry that the format has not are passed over, as the official
/// reader passes them over.
Result<Header> decode_header(std::string_view text, std::uint64_t data_bytes);

/// Reads and checks the header of `path`; `data_start` is the first byte behind it.
struct LocatedHeader {
  Header header;
  std::string bytes;  ///< length field and JSON, as in the file
  std::uint64_t data_start = 0;
};
Result<LocatedHeader> read_header(FileSystem& files, const Path& path);

/// In the order in which tensors are laid down: wide elements first (so that all stay
/// aligned), then by name.
template <class Tensor>
bool laid_before(const Tensor& a, const Tensor& b) {
  const std::size_t a_bytes = dtype_bytes(a.dtype);
  const std::size_t b_bytes = dtype_bytes(b.dtype);
  return a_bytes != b_bytes ? a_bytes > b_bytes : a.name < b.name;
}
/// kInvalidArgument unless bytes match type and shape and the names are distinct.
Status check_views(const std::vector<TensorView>& tensors);
/// The same for views that may be parts: whole elements that lie within the shape.
Status check_parts(const std::vector<TensorView>& tensors);

}  // namespace tagalign::checkpoint
