#include "data/sources/archives/member_reader.h"

#include <zlib.h>

#include <cstring>

#include "base/format.h"
#include "base/limits.h"

namespace tagalign::data {
namespace {

constexpr std::string_view kLocalHeader = "PK\x03\x04";
constexpr std::size_t kLocalBytes = 30;
/// Local headers are read together with what follows; most names and extra fields are shorter.
constexpr std::size_t kLocalGuess = 192;
constexpr std::uint64_t kDeflateRatioMax = 1032;  ///< 258 bytes by two bits
constexpr std::uint64_t kUnpackedBytesMin = 258;

Status broken(const OpenFile& file, const MemberPlace& place, std::string_view found) {
  return data_loss(format("read {}: expected a member of {} bytes at byte {}, found {}",
                          file.path().string(), place.bytes, place.offset, found));
}

std::size_t local_length(std::string_view header) {
  std::uint16_t name = 0;
  std::uint16_t extra = 0;
  std::memcpy(&name, header.data() + 26, 2);
  std::memcpy(&extra, header.data() + 28, 2);
  return kLocalBytes + name + extra;
}

Result<std::string> read_exactly(const OpenFile& file, std::uint64_t offset, std::uint64_t bytes,
                                 const MemberPlace& place) {
  std::string text;
  TA_RETURN_IF_ERROR(file.read(offset, bytes, text));
  if (text.size() < bytes) return broken(file, place, "the end of the file");
  return text;
}

/// The packed bytes of a member of a zip.
Result<std::string> read_packed(const OpenFile& file, const MemberPlace& place) {
  std::string text;
  TA_RETURN_IF_ERROR(file.read(place.offset, kLocalGuess + place.packed_bytes, text));
  if (text.size() < kLocalBytes || !text.starts_with(kLocalHeader))
    return broken(file, place, "no header");
  const std::size_t header = local_length(text);
  if (text.size() < header || text.size() - header < place.packed_bytes)
    return read_exactly(file, place.offset + header, place.packed_bytes, place);
  text.erase(0, header);
  text.resize(place.packed_bytes);
  return text;
}

Result<std::string> inflate_member(const OpenFile& file, const MemberPlace& place,
                                   const std::string& packed) {
  std::string bytes(place.bytes, '\0');
  z_stream z{};
  TA_CHECK(inflateInit2(&z, -15) == Z_OK, "out of memory");
  z.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  z.next_out = reinterpret_cast<unsigned char*>(bytes.data());
  z.avail_out = static_cast<uInt>(bytes.size());
  const int code = inflate(&z, Z_FINISH);
  const bool whole = code == Z_STREAM_END && z.avail_out == 0;
  inflateEnd(&z);
  if (!whole) return broken(file, place, "damaged deflated bytes");
  return bytes;
}

}  // namespace

Result<std::string> read_member(const OpenFile& file, const MemberPlace& place) {
  if (place.bytes > limits::kImageFileBytesMax || place.packed_bytes > limits::kImageFileBytesMax)
    return broken(file, place, "more than an image file may have");
  if (place.packed_bytes > file.size() || place.offset > file.size())
    return broken(file, place, "the end of the file");
  if (place.bytes > kUnpackedBytesMin + place.packed_bytes * kDeflateRatioMax)
    return broken(file, place, "too few packed bytes");
  if (place.coding == MemberCoding::kPlain)
    return read_exactly(file, place.offset, place.bytes, place);
  TA_ASSIGN_OR_RETURN(std::string packed, read_packed(file, place));
  if (place.coding == MemberCoding::kZipDeflated) return inflate_member(file, place, packed);
  if (packed.size() != place.bytes) return broken(file, place, "another size");
  return packed;
}

}  // namespace tagalign::data
