#include "worker/features/row_table.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "base/format.h"

namespace tagalign::jobs {
namespace {

constexpr std::uint64_t kHeadBytes = 4096;
constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kCheckBytes = 8;
/// Looks at a row that does not match its checksum, before it counts as damaged: another process
/// may be writing it.
constexpr int kLooks = 4;

using Record = std::vector<std::byte>;  ///< key, row, padding to 8 bytes, checksum of all before it

std::size_t record_bytes(std::size_t row_bytes) {
  return kKeyBytes + (row_bytes + 7) / 8 * 8 + kCheckBytes;
}

void put_key(const Digest128& key, std::span<std::byte> record) {
  std::memcpy(record.data(), &key.high, sizeof key.high);
  std::memcpy(record.data() + sizeof key.high, &key.low, sizeof key.low);
}

Digest128 key_of(std::span<const std::byte> record) {
  Digest128 key;
  std::memcpy(&key.high, record.data(), sizeof key.high);
  std::memcpy(&key.low, record.data() + sizeof key.high, sizeof key.low);
  return key;
}

bool matches(std::span<const std::byte> record) {
  const auto checked = record.first(record.size() - kCheckBytes);
  std::uint64_t said = 0;
  std::memcpy(&said, record.data() + checked.size(), kCheckBytes);
  return said == digest64(checked);
}

}  // namespace

std::uint64_t RowTable::bytes_of(const RowKind& kind, std::uint64_t slots) {
  return kHeadBytes + slots * record_bytes(kind.row_bytes);
}

std::uint64_t RowTable::slots_in(const RowKind& kind, std::uint64_t bytes) {
  return bytes <= kHeadBytes ? 0 : (bytes - kHeadBytes) / record_bytes(kind.row_bytes);
}

RowTable::RowTable(std::unique_ptr<RowFile> file, Path path, const RowKind& kind,
                   std::uint64_t slots)
    : file_(std::move(file)), path_(std::move(path)), row_bytes_(kind.row_bytes), slots_(slots) {}

Result<RowTable> RowTable::open(const OpenRowFile& open_file, const Path& path, const RowKind& kind,
                                std::uint64_t slots) {
  TA_CHECK(slots >= kPlaces && kind.row_bytes > 0, "room for rows");
  TA_ASSIGN_OR_RETURN(auto file, open_file(path, bytes_of(kind, slots)));
  RowTable table(std::move(file), path, kind, slots);
  table.write_head(kind);
  return table;
}

/// For people and other programs: rows are believed for their own checksums alone. All who open the
/// file would write the same.
void RowTable::write_head(const RowKind& kind) {
  std::string head = format("tagalign-captions 1\nmade_from {}\nrow_bytes {}\nslots {}\n",
                            kind.made_from.hex(), kind.row_bytes, slots_);
  head.resize(kHeadBytes, '\0');
  std::vector<std::byte> found(kHeadBytes);
  const bool there = file_->read(0, found).ok() && std::ranges::equal(found, as_bytes(head));
  if (!there) (void)file_->write(0, as_bytes(head));
}

std::uint64_t RowTable::first_slot(const Digest128& key) const {
  return key.low % (slots_ - kPlaces + 1);
}

Result<RowTable::Place> RowTable::look(std::uint64_t slot, const Digest128& key,
                                       Record& record) const {
  record.resize(record_bytes(row_bytes_));
  for (int i = 0; i < kLooks; ++i) {
    if (i > 0) std::this_thread::yield();
    TA_RETURN_IF_ERROR(file_->read(kHeadBytes + slot * record.size(), record));
    const Digest128 found = key_of(record);
    if (found == Digest128{}) return Place::kFree;
    if (found != key) return Place::kOther;
    if (matches(record)) return Place::kWanted;
  }
  return Place::kTorn;
}

// A place is never emptied, so what lies behind a free one is not of this key.
Result<RowTable::Found> RowTable::find(const Digest128& key, std::span<std::byte> row) const {
  TA_CHECK(row.size() == row_bytes_ && key != Digest128{}, "a row of the table");
  Record record;
  const std::uint64_t first = first_slot(key);
  for (std::uint64_t slot = first; slot < first + kPlaces; ++slot) {
    TA_ASSIGN_OR_RETURN(const Place place, look(slot, key, record));
    if (place == Place::kOther) continue;
    if (place == Place::kFree) return Found::kNo;
    if (place == Place::kTorn) return Found::kDamaged;
    std::memcpy(row.data(), record.data() + kKeyBytes, row.size());
    return Found::kYes;
  }
  return Found::kNo;
}

// A place whose row cannot be read any more is taken where none is free.
Result<bool> RowTable::keep(const Digest128& key, ByteSpan row) {
  TA_CHECK(row.size() == row_bytes_ && key != Digest128{}, "a row of the table");
  Record record;
  std::optional<std::uint64_t> chosen;
  const std::uint64_t first = first_slot(key);
  for (std::uint64_t slot = first; slot < first + kPlaces; ++slot) {
    TA_ASSIGN_OR_RETURN(const Place place, look(slot, key, record));
    if (place == Place::kWanted) return true;
    if (place == Place::kOther && (chosen || matches(record))) continue;
    chosen = slot;
    if (place != Place::kOther) break;
  }
  if (!chosen) return false;
  record.assign(record_bytes(row_bytes_), std::byte{0});
  put_key(key, record);
  std::memcpy(record.data() + kKeyBytes, row.data(), row.size());
  const std::uint64_t check = digest64(std::span(record).first(record.size() - kCheckBytes));
  std::memcpy(record.data() + record.size() - kCheckBytes, &check, kCheckBytes);
  TA_RETURN_IF_ERROR(file_->write(kHeadBytes + *chosen * record.size(), record));
  return true;
}

}  // namespace tagalign::jobs
