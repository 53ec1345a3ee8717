#include <algorithm>
#include <cstring>
#include <optional>

#include "base/format.h"
#include "base/limits.h"
#include "data/sources/archives/archive_names.h"
#include "data/sources/archives/archive_walk.h"
#include "data/sources/archives/member_reader.h"

namespace tagalign::data {
namespace {

// APPNOTE.TXT 6.3.10: 4.3.12 central directory, 4.3.14 to 4.3.16 its end, 4.5.3 zip64.
constexpr std::string_view kEntry = "PK\x01\x02";
constexpr std::string_view kEnd = "PK\x05\x06";
constexpr std::string_view kEnd64 = "PK\x06\x06";
constexpr std::string_view kLocator64 = "PK\x06\x07";
constexpr std::size_t kEntryBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kLocatorBytes = 20;
constexpr std::size_t kCommentBytesMax = 65535;
constexpr std::size_t kBlockBytes = 1u << 20;
constexpr std::uint32_t kIn64 = 0xffffffff;  ///< the true value stands in the zip64 field
constexpr std::uint16_t kEncrypted = 1;

template <class T>
T load(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

struct Directory {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;
  std::uint64_t shift = 0;  ///< bytes in front of the archive that its offsets do not count
};

/// Place of the record that ends the archive, in `tail`.
std::optional<std::size_t> find_end(std::string_view tail) {
  for (std::size_t at = tail.rfind(kEnd); at != std::string_view::npos;
       at = at == 0 ? std::string_view::npos : tail.rfind(kEnd, at - 1)) {
    if (at + kEndBytes <= tail.size() &&
        at + kEndBytes + load<std::uint16_t>(tail, at + 20) <= tail.size())
      return at;
  }
  return std::nullopt;
}

/// Of the zip64 record that the locator in front of the end names; nullopt: there is none.
Result<std::optional<Directory>> find_directory64(const OpenFile& file, std::string_view tail,
                                                  std::size_t end) {
  if (end < kLocatorBytes || !tail.substr(end - kLocatorBytes).starts_with(kLocator64))
    return std::optional<Directory>();
  std::string record;
  const auto at = load<std::uint64_t>(tail, end - kLocatorBytes + 8);
  TA_RETURN_IF_ERROR(file.read(at, kEnd64Bytes, record));
  if (record.size() < kEnd64Bytes || !record.starts_with(kEnd64)) return std::optional<Directory>();
  return std::optional(Directory{load<std::uint64_t>(record, 32), load<std::uint64_t>(record, 40),
                                 load<std::uint64_t>(record, 48), 0});
}

/// nullopt: no directory that lies inside the file.
Result<std::optional<Directory>> find_directory(const OpenFile& file) {
  std::string tail;
  const std::size_t tail_bytes =
      std::min<std::uint64_t>(file.size(), kEndBytes + kCommentBytesMax + kLocatorBytes);
  const std::uint64_t tail_at = file.size() - tail_bytes;
  TA_RETURN_IF_ERROR(file.read(tail_at, tail_bytes, tail));
  const auto end = find_end(tail);
  if (!end) return std::optional<Directory>();
  TA_ASSIGN_OR_RETURN(std::optional<Directory> found, find_directory64(file, tail, *end));
  if (!found) {
    found = Directory{load<std::uint16_t>(tail, *end + 10), load<std::uint32_t>(tail, *end + 12),
                      load<std::uint32_t>(tail, *end + 16), 0};
    const std::uint64_t end_at = tail_at + *end;
    if (found->bytes <= end_at && found->offset <= end_at - found->bytes)
      found->shift = end_at - found->bytes - found->offset;
  }
  const bool inside = found->offset <= file.size() && found->bytes <= file.size() - found->offset;
  return inside ? found : std::nullopt;
}

/// Puts the 64-bit values of the extra field into those that have no room in the entry. False
/// where the field is broken.
bool widen(std::string_view extra, MemberPlace& place) {
  while (extra.size() >= 4) {
    const auto id = load<std::uint16_t>(extra, 0);
    const auto length = load<std::uint16_t>(extra, 2);
    if (length > extra.size() - 4) return false;
    std::string_view field = extra.substr(4, length);
    extra.remove_prefix(4u + length);
    if (id != 1) continue;
    for (std::uint64_t* value : {&place.bytes, &place.packed_bytes, &place.offset}) {
      if (*value != kIn64) continue;
      if (field.size() < 8) return false;
      *value = load<std::uint64_t>(field, 0);
      field.remove_prefix(8);
    }
  }
  return true;
}

/// Hands out the bytes of the directory, block by block.
class DirectoryReader {
 public:
  DirectoryReader(const OpenFile& file, const Directory& directory)
      : file_(file), at_(directory.offset + directory.shift), left_(directory.bytes) {}

  /// The next `bytes` bytes; shorter at the end.
  Result<std::string_view> peek(std::size_t bytes) {
    if (rest_.size() < bytes && left_ > 0) {
      std::string more;
      std::string kept(rest_);
      const std::size_t wanted = std::min<std::uint64_t>(left_, kBlockBytes);
      TA_RETURN_IF_ERROR(file_.read(at_, wanted, more));
      at_ += wanted;
      left_ -= wanted;
      block_ = kept + more;
      rest_ = block_;
    }
    return rest_.substr(0, bytes);
  }
  void take(std::size_t bytes) { rest_.remove_prefix(std::min(bytes, rest_.size())); }

 private:
  const OpenFile& file_;
  std::uint64_t at_;
  std::uint64_t left_;
  std::string block_;
  std::string_view rest_;
};

/// One entry of the directory.
struct Entry {
  std::string_view name;
  MemberPlace place;
  bool readable = false;
};

/// Nothing where `bytes`, a whole entry, is broken.
std::optional<Entry> parse_entry(std::string_view bytes, std::uint64_t shift) {
  const auto name_bytes = load<std::uint16_t>(bytes, 28);
  const auto extra_bytes = load<std::uint16_t>(bytes, 30);
  const auto method = load<std::uint16_t>(bytes, 10);
  const bool deflated = method == 8;
  Entry entry;
  entry.name = plain_name(bytes.substr(kEntryBytes, name_bytes));
  entry.place = {load<std::uint32_t>(bytes, 42), load<std::uint32_t>(bytes, 20),
                 load<std::uint32_t>(bytes, 24),
                 deflated ? MemberCoding::kZipDeflated : MemberCoding::kZipStored};
  if (!widen(bytes.substr(kEntryBytes + name_bytes, extra_bytes), entry.place)) return std::nullopt;
  entry.place.offset += shift;
  entry.readable = (method == 0 || deflated) && (load<std::uint16_t>(bytes, 8) & kEncrypted) == 0;
  return entry;
}

Status visit(const OpenFile& file, const Entry& entry, MemberSink& sink, WalkEnd& end) {
  if (entry.name.empty() || entry.name.ends_with('/')) return ok_status();
  if (!entry.readable) {
    ++end.unreadable;
    return ok_status();
  }
  std::string text;
  if (sink.wants_text(entry.name, entry.place.bytes)) {
    auto read = read_member(file, entry.place);
    if (read.status().code() == ErrorCode::kDataLoss) {
      ++end.unreadable;
      return ok_status();
    }
    TA_ASSIGN_OR_RETURN(text, std::move(read));
  }
  return sink.add({entry.name, entry.place, text});
}

}  // namespace

Result<WalkEnd> walk_zip(const OpenFile& file, MemberSink& sink) {
  WalkEnd end;
  TA_ASSIGN_OR_RETURN(const std::optional<Directory> directory, find_directory(file));
  if (!directory) {
    end.trouble = "no directory at its end: the file is cut";
    return end;
  }
  DirectoryReader reader(file, *directory);
  for (std::uint64_t number = 0; number < directory->entries; ++number) {
    TA_ASSIGN_OR_RETURN(const std::string_view head, reader.peek(kEntryBytes));
    std::optional<Entry> entry;
    std::size_t length = 0;
    if (head.size() == kEntryBytes && head.starts_with(kEntry)) {
      length = kEntryBytes + load<std::uint16_t>(head, 28) + load<std::uint16_t>(head, 30) +
               load<std::uint16_t>(head, 32);
      TA_ASSIGN_OR_RETURN(const std::string_view whole, reader.peek(length));
      if (whole.size() == length) entry = parse_entry(whole, directory->shift);
    }
    if (!entry) {
      end.trouble = format("its directory is broken at entry {} of {}", number, directory->entries);
      return end;
    }
    TA_RETURN_IF_ERROR(visit(file, *entry, sink, end));
    reader.take(length);
  }
  return end;
}

}  // namespace tagalign::data
